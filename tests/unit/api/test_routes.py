# SPDX-License-Identifier: Apache-2.0
"""What every row of the route table must have."""

from collections.abc import Iterator
from collections.abc import Mapping
from typing import Any

from console_api.api import microversion
from console_api.api import operation
from console_api.api import routes
from console_api.api import validation
from console_api.api.schemas import parameters
from tests import base


def open_objects(document: Any, where: str = '$') -> Iterator[str]:
    """The places of a schema that do not say what else may be there."""
    if isinstance(document, Mapping):
        kind = document.get('type')
        if (
            kind == 'object' or (isinstance(kind, list) and 'object' in kind)
        ) and 'additionalProperties' not in document:
            yield where
        for key, value in document.items():
            yield from open_objects(value, f'{where}.{key}')
    elif isinstance(document, list | tuple):
        for index, value in enumerate(document):
            yield from open_objects(value, f'{where}[{index}]')


def _served() -> Iterator[tuple[str, routes.Route, operation.Operation]]:
    for route in routes.ROUTES:
        if route.handler is not None:
            for found in operation.operations_of(route.handler):
                name = f'{route.method} {route.path} {route.action} '
                yield f'{name}{found.since}', route, found


class OpenObjectsTest(base.TestCase):
    def test_closed_schema_has_none(self) -> None:
        closed = parameters.closed_object(a=parameters.STRING)
        self.assertEqual([], list(open_objects(closed)))

    def test_open_schema_is_found_inside(self) -> None:
        document = parameters.closed_object(
            a={'type': 'array', 'items': {'type': ['object', 'null']}}
        )
        self.assertEqual(
            ['$.properties.a.items'], list(open_objects(document))
        )


class RoutesTest(base.TestCase):
    def test_rows_are_checked(self) -> None:
        self.assertGreater(len(list(_served())), 10)

    def test_each_handler_is_served_at_some_version(self) -> None:
        for route in routes.ROUTES:
            if route.handler is not None:
                with self.subTest(route=route):
                    self.assertTrue(operation.operations_of(route.handler))

    def test_each_has_schemas_that_say_what_else_may_come(self) -> None:
        for name, _route, found in _served():
            schemas = [found.query, found.response]
            if found.body is not None:
                schemas.append(found.body)
            for schema in schemas:
                with self.subTest(name):
                    self.assertIsInstance(schema, validation.Schema)
                    self.assertEqual('object', schema.document.get('type'))
                    self.assertEqual([], list(open_objects(schema.document)))

    def test_what_changes_something_has_a_body_schema(self) -> None:
        for name, route, found in _served():
            with self.subTest(name):
                self.assertEqual(
                    route.method == 'POST', found.body is not None
                )

    def test_answers_are_closed(self) -> None:
        for name, _route, found in _served():
            with self.subTest(name):
                document = found.response.document
                self.assertIs(False, document['additionalProperties'])

    def test_actions_name_themselves_in_their_body(self) -> None:
        for name, route, found in _served():
            if route.action is not None:
                with self.subTest(name):
                    properties = found.body.document['properties']
                    self.assertEqual([route.action], list(properties))

    def test_ranges_are_served_in_full(self) -> None:
        for name, _route, found in _served():
            with self.subTest(name):
                self.assertLessEqual(microversion.MIN_VERSION, found.since)
                self.assertLessEqual(found.since, found.until)
                self.assertLessEqual(found.until, microversion.MAX_VERSION)

    def test_no_two_rows_are_the_same(self) -> None:
        keys = [(r.method, r.path, r.action) for r in routes.ROUTES]
        self.assertEqual(len(set(keys)), len(keys))

    def test_state_is_changed_by_post_and_delete_alone(self) -> None:
        for _name, route, found in _served():
            if route.method == 'GET':
                self.assertIsNone(found.body)
            self.assertIn(route.method, ('GET', 'POST'))
