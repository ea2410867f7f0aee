# SPDX-License-Identifier: Apache-2.0
"""Rules on reading what a server wrote to its console."""

from oslo_policy import policy

from console_api.policies import base

RULE = 'os_compute_api:os-console-output'


def list_rules() -> list[policy.RuleDefault]:
    """The rules of this resource."""
    return [
        policy.DocumentedRuleDefault(
            RULE,
            base.PROJECT_MEMBER_OR_ADMIN,
            'Read what a server wrote to its console.',
            [
                {
                    'method': 'POST',
                    'path': (
                        '/servers/{server_id}/action (os-getConsoleOutput)'
                    ),
                },
            ],
            scope_types=['project'],
        ),
    ]
