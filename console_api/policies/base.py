# SPDX-License-Identifier: Apache-2.0
"""The roles that the other rules are made of.

All that Nova has are here, under its names, so that a policy file of Nova
means the same: a rule of an operation may refer to any of them.
"""

from oslo_policy import policy

CONTEXT_IS_ADMIN = 'context_is_admin'
PROJECT_MEMBER_OR_ADMIN = 'rule:project_member_or_admin'
PROJECT_READER_OR_ADMIN = 'rule:project_reader_or_admin'
ADMIN = 'rule:context_is_admin'
ADMIN_OR_SERVICE = 'rule:context_is_admin or rule:service_api'

_ADMIN_ONLY = 'is_admin:True'
_ADMIN_OR_OWNER = 'is_admin:True or project_id:%(project_id)s'
_REASON = 'It knows no roles but that of an administrator.'
_SINCE = '1.0.0'


def _before(name: str, check: str) -> policy.DeprecatedRule:
    """What counts besides with ``enforce_new_defaults = False``."""
    # With Nova's odd name, which no file can mean by accident.
    return policy.DeprecatedRule(
        f'rule:{name}',
        check,
        deprecated_reason=_REASON,
        deprecated_since=_SINCE,
    )


_BEFORE_ADMIN = _before('admin_api', _ADMIN_ONLY)
_BEFORE_OWNER = _before('admin_or_owner', _ADMIN_OR_OWNER)

#: Name, what it takes, what counted before, what it is for.
_RULES = (
    (
        CONTEXT_IS_ADMIN,
        'role:admin',
        _BEFORE_ADMIN,
        'Who may see and do everything, in every project. Others ask for it '
        'as is_admin:True.',
    ),
    (
        'project_manager_api',
        'role:manager and project_id:%(project_id)s',
        _BEFORE_ADMIN,
        'A manager of the project that owns the server.',
    ),
    (
        'project_member_api',
        'role:member and project_id:%(project_id)s',
        _BEFORE_OWNER,
        'A member of the project that owns the server.',
    ),
    (
        'project_reader_api',
        'role:reader and project_id:%(project_id)s',
        _BEFORE_OWNER,
        'Who may look at the project that owns the server.',
    ),
    (
        'service_api',
        'role:service',
        _BEFORE_ADMIN,
        'Another service, such as a console proxy.',
    ),
    (
        'project_manager_or_admin',
        'rule:project_manager_api or rule:context_is_admin',
        _BEFORE_ADMIN,
        'A manager of the project, or an administrator.',
    ),
    (
        'project_member_or_admin',
        'rule:project_member_api or rule:context_is_admin',
        _BEFORE_OWNER,
        'A member of the project, or an administrator.',
    ),
    (
        'project_reader_or_admin',
        'rule:project_reader_api or rule:context_is_admin',
        _BEFORE_OWNER,
        'A reader of the project, or an administrator.',
    ),
    (
        'service_or_admin',
        'rule:service_api or rule:context_is_admin',
        _BEFORE_ADMIN,
        'Another service, or an administrator.',
    ),
)
#: Nothing here uses them; files that are older than the roles do.
_OLD_RULES = (
    ('admin_api', _ADMIN_ONLY, 'An administrator.'),
    (
        'admin_or_owner',
        _ADMIN_OR_OWNER,
        'An administrator, or anybody of the project that owns the server.',
    ),
)


def list_rules() -> list[policy.RuleDefault]:
    """The rules that others refer to."""
    return [
        *(
            policy.RuleDefault(name, check, text, deprecated_rule=before)
            for name, check, before, text in _RULES
        ),
        *(
            policy.RuleDefault(
                name,
                check,
                text,
                deprecated_for_removal=True,
                deprecated_reason=_REASON,
                deprecated_since=_SINCE,
            )
            for name, check, text in _OLD_RULES
        ),
    ]
