# SPDX-License-Identifier: Apache-2.0
from collections.abc import Mapping
from typing import Any

from console_api.api import microversion
from console_api.api import operation
from console_api.api.schemas import parameters
from tests import base

_SCHEMA = parameters.ANY_QUERY


def _served(since: str, until: str | None = None) -> Any:
    return operation.operation(since, until, query=_SCHEMA, response=_SCHEMA)


class Controller:
    @_served('2.1', '2.5')
    @_served('2.8')
    def show(self, call: operation.Call) -> Mapping[str, Any]:
        return {}


class OperationTest(base.TestCase):
    def _find(self, minor: int) -> operation.Operation | None:
        return operation.find(Controller.show, microversion.Version(2, minor))

    def test_both_ends_are_served(self) -> None:
        for minor in (1, 5, 8, 104):
            with self.subTest(minor=minor):
                found = self._find(minor)
                self.assertIsNotNone(found)
                self.assertLessEqual(found.since.minor, minor)
                self.assertGreaterEqual(found.until.minor, minor)

    def test_gap_is_not_served(self) -> None:
        for minor in (6, 7):
            with self.subTest(minor=minor):
                self.assertIsNone(self._find(minor))

    def test_no_end_means_the_newest(self) -> None:
        self.assertEqual(microversion.MAX_VERSION, self._find(9).until)

    def test_first_range_comes_first(self) -> None:
        ranges = operation.operations_of(Controller.show)
        self.assertEqual(['2.1', '2.8'], [str(r.since) for r in ranges])

    def test_overlap_is_refused(self) -> None:
        for since, until in (
            ('2.5', None),
            ('2.1', '2.5'),
            ('2.1', '2.104'),
            ('2.3', '2.4'),
            ('2.104', None),
        ):
            with self.subTest(since=since, until=until):
                self.assertRaisesRegex(
                    ValueError,
                    'overlap',
                    _served(since, until),
                    Controller.show,
                )

    def test_method_without_a_range_is_not_served(self) -> None:
        self.assertIsNone(
            operation.find(
                lambda controller, call: {}, microversion.MIN_VERSION
            )
        )
