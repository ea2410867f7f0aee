# SPDX-License-Identifier: Apache-2.0
"""The OpenAPI document is correct and says what the route table says."""

from collections.abc import Iterator
from typing import Any

import openapi_spec_validator

from console_api.api import microversion
from console_api.api import openapi
from console_api.api import operation
from console_api.api import routes
from tests import base

#: Where something about consoles begins or ends.
VERSIONS = ('2.1', '2.6', '2.8', '2.31', '2.99', '2.104')


def version_of(text: str) -> microversion.Version:
    """The microversion that is written so."""
    return microversion.Version.parse(text)


def operations(document: Any) -> Iterator[tuple[str, str, Any]]:
    """Path, method and operation object of all that a document lists."""
    for path, item in document['paths'].items():
        for method, found in item.items():
            if method not in ('parameters', 'servers'):
                yield path, method, found


class DocumentTest(base.TestCase):
    def test_document_of_all_versions_is_openapi(self) -> None:
        openapi_spec_validator.validate(openapi.document('http://h:8774'))

    def test_document_of_each_version_is_openapi(self) -> None:
        for version in VERSIONS:
            with self.subTest(version=version):
                openapi_spec_validator.validate(
                    openapi.document('', version_of(version))
                )

    def test_lists_each_route(self) -> None:
        listed = {
            (path, method)
            for path, method, _ in operations(openapi.document(''))
        }
        for route in routes.ROUTES:
            path = route.path
            if path in routes.ROOT_PATHS:
                path = '/{project_id}/'
            with self.subTest(path=path, method=route.method):
                self.assertIn((path, route.method.lower()), listed)

    def test_lists_each_range_of_each_route(self) -> None:
        schemas = openapi.document('')['components']['schemas']
        found = [
            (facts['min-ver'], facts['max-ver'], facts.get('action-name'))
            for name, schema in schemas.items()
            if '.response.' in name
            for facts in [schema['x-openstack']]
        ]
        expected = [
            (str(served.since), str(served.until), route.action)
            for route in routes.ROUTES
            if route.handler is not None and route.path != ''
            for served in operation.operations_of(route.handler)
        ]
        self.assertCountEqual(expected, found)

    def test_schemas_are_those_that_requests_and_answers_are_held_to(
        self,
    ) -> None:
        schemas = openapi.document('')['components']['schemas']
        for route in routes.ROUTES:
            if route.handler is None or route.path == '':
                continue
            noun = route.controller.__module__.rsplit('.', 1)[1]
            name = f'{noun}.{route.handler.__name__}'
            for served in operation.operations_of(route.handler):
                for kind, schema in (
                    ('request', served.body),
                    ('response', served.response),
                ):
                    if schema is None:
                        continue
                    found = dict(schemas[f'{name}.{kind}.{served.since}'])
                    found.pop('x-openstack')
                    self.assertEqual(schema.document, found)

    def test_action_that_a_version_lacks_is_not_in_its_document(self) -> None:
        path = '/servers/{server_id}/action'
        for version, names in (
            ('2.5', {'os-getVNCConsole', 'os-getConsoleOutput'}),
            ('2.6', {'os-getConsoleOutput'}),
        ):
            document = openapi.document('', version_of(version))
            schemas = document['components']['schemas']
            actions = {
                schema['x-openstack']['action-name']
                for schema in schemas.values()
                if 'action-name' in schema.get('x-openstack', {})
            }
            with self.subTest(version=version):
                self.assertIn(path, document['paths'])
                self.assertLessEqual(names, actions)
                self.assertEqual(
                    'os-getVNCConsole' in names, 'os-getVNCConsole' in actions
                )

    def test_path_that_a_version_lacks_is_not_in_its_document(self) -> None:
        path = '/servers/{server_id}/remote-consoles'
        for version, there in (('2.5', False), ('2.6', True)):
            with self.subTest(version=version):
                document = openapi.document('', version_of(version))
                self.assertEqual(there, path in document['paths'])

    def test_faults_are_those_of_the_controller(self) -> None:
        written = openapi.document('')['paths'][
            '/os-console-auth-tokens/{console_token}'
        ]['get']['responses']
        self.assertEqual(
            ['200', '400', '401', '403', '404', '406', '500', '503'],
            sorted(written),
        )

    def test_each_identifier_is_there_once(self) -> None:
        found = [
            o['operationId'] for _, _, o in operations(openapi.document(''))
        ]
        self.assertEqual(sorted(set(found)), sorted(found))
