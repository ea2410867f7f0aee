# SPDX-License-Identifier: Apache-2.0
"""The API reference covers what is served, and nothing else."""

import collections
import re

from console_api.api import microversion
from console_api.api import openapi
from console_api.api import operation
from console_api.api import routes
from tests import base
from tests.fixtures import source

FOLDER = source.ROOT / 'api-ref' / 'source'
METHOD = re.compile(r'^\.\. rest_method:: (\S+ \S+)$', re.MULTILINE)
PARAMETER = re.compile(r'^  - (\S+): \S+$', re.MULTILINE)

#: Public, so in no row of the route table.
PUBLIC = ('GET /', f'GET {openapi.MOUNT}/', f'GET {openapi.PATH}')


def text() -> str:
    """All pages of the reference."""
    pages = sorted(FOLDER.glob('*.inc'))
    return '\n'.join(page.read_text(encoding='utf-8') for page in pages)


def sections() -> dict[str, list[str]]:
    """The text after each ``rest_method``, by method and path."""
    found = collections.defaultdict(list)
    _, *parts = METHOD.split(text())
    for method, section in zip(parts[::2], parts[1::2], strict=True):
        found[method].append(section)
    return found


def entry(route: routes.Route) -> str:
    """The ``rest_method`` of a row of the route table."""
    if route.path in routes.ROOT_PATHS:
        return f'{route.method} {openapi.MOUNT}/{{project_id}}/'
    return f'{route.method} {route.path}'


class ReferenceTest(base.TestCase):
    def test_has_an_entry_for_each_route_and_no_other(self) -> None:
        served = [entry(r) for r in routes.ROUTES if r.path != '']
        self.assertEqual(
            collections.Counter([*PUBLIC, *served]),
            collections.Counter({m: len(s) for m, s in sections().items()}),
        )

    def test_entry_of_an_action_names_it(self) -> None:
        found = sections()
        for route in routes.ROUTES:
            if route.action is not None:
                named = [s for s in found[entry(route)] if route.action in s]
                self.assertNotEqual([], named, route.action)

    def test_entry_has_each_parameter_of_the_query(self) -> None:
        found = sections()
        for route in routes.ROUTES:
            if route.handler is None or route.action is not None:
                continue
            listed = set(PARAMETER.findall(found[entry(route)][0]))
            for served in operation.operations_of(route.handler):
                wanted = served.query.document.get('properties', {})
                self.assertLessEqual(set(wanted), listed, entry(route))

    def test_each_page_is_part_of_the_reference(self) -> None:
        index = (FOLDER / 'index.rst').read_text(encoding='utf-8')
        for page in FOLDER.glob('*.inc'):
            self.assertIn(f'.. include:: {page.name}\n', index)


class HistoryTest(base.TestCase):
    def setUp(self) -> None:
        super().setUp()
        page = FOLDER / 'microversions.inc'
        self.text = page.read_text(encoding='utf-8')
        self.listed = re.findall(r'^(2\.\d+)$', self.text, re.MULTILINE)

    def test_lists_each_version_that_changed_something(self) -> None:
        begins = {
            str(served.since)
            for route in routes.ROUTES
            if route.handler is not None
            for served in operation.operations_of(route.handler)
        }
        newest = str(microversion.MAX_VERSION)
        self.assertEqual(begins | {newest}, set(self.listed))

    def test_is_in_order_and_names_the_range(self) -> None:
        numbers = [microversion.Version.parse(v) for v in self.listed]
        self.assertEqual(sorted(numbers), numbers)
        oldest, newest = microversion.MIN_VERSION, microversion.MAX_VERSION
        self.assertIn(f'From {oldest} to {newest}.', self.text)
