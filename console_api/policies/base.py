# SPDX-License-Identifier: Apache-2.0
"""The roles that the other rules are made of."""

from oslo_policy import policy

CONTEXT_IS_ADMIN = 'context_is_admin'
PROJECT_MEMBER_OR_ADMIN = 'rule:project_member_or_admin'
PROJECT_READER_OR_ADMIN = 'rule:project_reader_or_admin'
ADMIN = 'rule:context_is_admin'
ADMIN_OR_SERVICE = 'rule:context_is_admin or rule:service_api'


def list_rules() -> list[policy.RuleDefault]:
    """The rules that others refer to."""
    return [
        policy.RuleDefault(
            CONTEXT_IS_ADMIN,
            'role:admin',
            'Who may see and do everything, in every project.',
        ),
        policy.RuleDefault(
            'project_member_api',
            'role:member and project_id:%(project_id)s',
            'A member of the project that owns the server.',
        ),
        policy.RuleDefault(
            'project_reader_api',
            'role:reader and project_id:%(project_id)s',
            'Who may look at the project that owns the server.',
        ),
        policy.RuleDefault(
            'project_member_or_admin',
            'rule:project_member_api or rule:context_is_admin',
            'A member of the project, or an administrator.',
        ),
        policy.RuleDefault(
            'project_reader_or_admin',
            'rule:project_reader_api or rule:context_is_admin',
            'A reader of the project, or an administrator.',
        ),
        policy.RuleDefault(
            'service_api',
            'role:service',
            'Another service, such as a console proxy.',
        ),
    ]
