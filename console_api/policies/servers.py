# SPDX-License-Identifier: Apache-2.0
"""Rules on finding servers."""

from oslo_policy import policy

from console_api.policies import base

_PREFIX = 'os_compute_api:servers'
SHOW = f'{_PREFIX}:show'
INDEX = f'{_PREFIX}:index'
DETAIL = f'{_PREFIX}:detail'
INDEX_ALL = f'{_PREFIX}:index:get_all_tenants'
DETAIL_ALL = f'{_PREFIX}:detail:get_all_tenants'


def _rule(
    name: str, check: str, description: str, path: str
) -> policy.DocumentedRuleDefault:
    return policy.DocumentedRuleDefault(
        name,
        check,
        description,
        [{'method': 'GET', 'path': path}],
        scope_types=['project'],
    )


def list_rules() -> list[policy.RuleDefault]:
    """The rules of this resource."""
    reader = base.PROJECT_READER_OR_ADMIN
    return [
        _rule(SHOW, reader, 'Show a server.', '/servers/{server_id}'),
        _rule(INDEX, reader, 'List the servers of a project.', '/servers'),
        _rule(
            DETAIL,
            reader,
            'List the servers of a project with details.',
            '/servers/detail',
        ),
        _rule(
            INDEX_ALL,
            base.ADMIN,
            'List the servers of all projects.',
            '/servers?all_tenants=1',
        ),
        _rule(
            DETAIL_ALL,
            base.ADMIN,
            'List the servers of all projects with details.',
            '/servers/detail?all_tenants=1',
        ),
    ]
