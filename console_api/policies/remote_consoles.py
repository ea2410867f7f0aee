# SPDX-License-Identifier: Apache-2.0
"""Rules on getting a console of a server."""

from oslo_policy import policy

from console_api.policies import base

RULE = 'os_compute_api:os-remote-consoles'
VIEW_ONLY = f'{RULE}:view-only'

_OPERATIONS: list[policy.Operation] = [
    {'method': 'POST', 'path': f'/servers/{{server_id}}/{path}'}
    for path in (
        'remote-consoles',
        'action (os-getVNCConsole)',
        'action (os-getSPICEConsole)',
        'action (os-getSerialConsole)',
        'action (os-getRDPConsole)',
    )
]
#: The others have input that the proxy cannot tell from the rest.
_VIEW_ONLY_OPERATIONS = [_OPERATIONS[0], _OPERATIONS[1], _OPERATIONS[3]]


def list_rules() -> list[policy.RuleDefault]:
    """The rules of this resource."""
    return [
        policy.DocumentedRuleDefault(
            RULE,
            base.PROJECT_MEMBER_OR_ADMIN,
            'Get the URL of a console of a server.',
            _OPERATIONS,
            scope_types=['project'],
        ),
        policy.DocumentedRuleDefault(
            VIEW_ONLY,
            '!',
            'Get the URL of a view-only console of a server: VNC or serial, '
            'whose input the console proxy keeps from the server. It is for '
            f'callers whom {RULE} does not allow a console.',
            _VIEW_ONLY_OPERATIONS,
            scope_types=['project'],
        ),
    ]
