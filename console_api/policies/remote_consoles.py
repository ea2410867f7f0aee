# SPDX-License-Identifier: Apache-2.0
"""Rules on getting a console of a server."""

from oslo_policy import policy

from console_api.policies import base

RULE = 'os_compute_api:os-remote-consoles'


def list_rules() -> list[policy.RuleDefault]:
    """The rules of this resource."""
    return [
        policy.DocumentedRuleDefault(
            RULE,
            base.PROJECT_MEMBER_OR_ADMIN,
            'Get the URL of a console of a server.',
            [
                {
                    'method': 'POST',
                    'path': '/servers/{server_id}/remote-consoles',
                },
                {
                    'method': 'POST',
                    'path': '/servers/{server_id}/action (os-getVNCConsole)',
                },
                {
                    'method': 'POST',
                    'path': '/servers/{server_id}/action (os-getSPICEConsole)',
                },
                {
                    'method': 'POST',
                    'path': (
                        '/servers/{server_id}/action (os-getSerialConsole)'
                    ),
                },
                {
                    'method': 'POST',
                    'path': '/servers/{server_id}/action (os-getRDPConsole)',
                },
            ],
            scope_types=['project'],
        ),
    ]
