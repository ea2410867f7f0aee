# SPDX-License-Identifier: Apache-2.0
"""No controller gets past the decision whose server it is."""

import ast
from collections.abc import Iterator

from tests import base
from tests.fixtures import source

#: What the use cases take, and who makes it: whoever asks the policy.
_DECISIONS = frozenset({'ConsoleAccess', 'OutputAccess'})
_MAKERS = {'api.access', 'consoles.access'}
#: Who may act without a policy: the service that is its own operator.
_OPERATORS = frozenset({'cmd.composition'})


def _called(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            yield ast.unparse(node.func)


class AccessTest(base.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.calls = {
            module.name.removeprefix('console_api.'): set(
                _called(module.tree())
            )
            for module in source.modules()
        }

    def _callers(self, *names: str) -> set[str]:
        return {
            module
            for module, called in self.calls.items()
            if any(call.rpartition('.')[2] in names for call in called)
        }

    def test_decisions_are_made_in_one_place(self) -> None:
        self.assertEqual(_MAKERS, self._callers(*_DECISIONS))

    def test_one_decision_needs_no_policy(self) -> None:
        made = [
            call
            for call in self.calls['consoles.access']
            if call.rpartition('.')[2] in _DECISIONS
        ]
        self.assertEqual(['ConsoleAccess'], made)

    def test_only_the_operator_acts_without_a_policy(self) -> None:
        self.assertEqual(_OPERATORS, self._callers('of_operator'))

    def test_controllers_ask_for_no_server_by_themselves(self) -> None:
        asking = {
            module
            for module, called in self.calls.items()
            if module.startswith('api.')
            and any(call.endswith('directory.get') for call in called)
        }
        self.assertEqual({'api.access'}, asking)

    def test_controllers_choose_no_target(self) -> None:
        choosing = {
            module
            for module, called in self.calls.items()
            if module.startswith('api.controllers.')
            and any(
                call.endswith(('policy.authorize', 'policy.allows'))
                for call in called
            )
        }
        self.assertEqual(set(), choosing)
