# SPDX-License-Identifier: Apache-2.0
"""Rules on looking up what a console token connects to."""

from oslo_policy import policy

from console_api.policies import base

RULE = 'os_compute_api:os-console-auth-tokens'


def list_rules() -> list[policy.RuleDefault]:
    """The rules of this resource."""
    return [
        policy.DocumentedRuleDefault(
            RULE,
            base.ADMIN_OR_SERVICE,
            'Show what a console token connects to.',
            [
                {
                    'method': 'GET',
                    'path': '/os-console-auth-tokens/{console_token}',
                },
            ],
            scope_types=['project'],
        ),
    ]
