# SPDX-License-Identifier: Apache-2.0
"""Queries on servers and the servers in the answers."""

from console_api.api import validation
from console_api.api.schemas import parameters

#: Other parameters are ignored, as Nova ignores filters it does not know.
LIST_QUERY = validation.Schema(
    {
        'type': 'object',
        'properties': {
            'limit': {
                'type': 'string',
                'pattern': '^[0-9]{1,9}$',
                'description': 'The most servers that one answer has.',
            },
            'marker': {
                'type': 'string',
                'description': 'The id of the server before the first one.',
            },
            'name': {
                'type': 'string',
                'description': (
                    'A regular expression of RE2 that has a match in the name.'
                ),
            },
            'status': {'type': 'string'},
            'host': {
                'type': 'string',
                'description': 'Ignored unless an administrator asks.',
            },
            'all_tenants': {
                'type': 'string',
                'description': 'A flag, for administrators only.',
                # Whatever oslo.utils takes for a flag; empty means yes.
                'pattern': (
                    '^(|[01]|[tTyYnNfF]|[oO][nN]|[oO][fF]{2}|[nN][oO]'
                    '|[yY][eE][sS]|[tT][rR][uU][eE]|[fF][aA][lL][sS][eE])$'
                ),
            },
        },
        'additionalProperties': True,
    }
)

_REFERENCE = {
    'id': {'type': 'string', 'format': 'uuid'},
    'name': parameters.STRING,
    'links': parameters.LINKS,
}

_SERVER = {
    **_REFERENCE,
    'status': parameters.STRING,
    'tenant_id': parameters.STRING,
    'user_id': parameters.STRING,
    'hostId': parameters.STRING,
    'image': {'const': ''},
    'flavor': {'type': 'object', 'additionalProperties': False},
    'created': {'type': 'string', 'format': 'date-time'},
    'updated': {'type': 'string', 'format': 'date-time'},
    'metadata': {'type': 'object', 'additionalProperties': False},
    'addresses': {'type': 'object', 'additionalProperties': False},
    'OS-EXT-STS:vm_state': parameters.STRING,
    'OS-EXT-STS:task_state': parameters.STRING_OR_NULL,
    'OS-EXT-STS:power_state': {'type': 'integer'},
}

_DETAIL = {
    'type': 'object',
    'properties': {
        **_SERVER,
        # Administrators see where a server runs.
        'OS-EXT-SRV-ATTR:host': parameters.STRING_OR_NULL,
    },
    'required': sorted(_SERVER),
    'additionalProperties': False,
}


def _page(server: parameters.JSON) -> validation.Schema:
    return validation.Schema(
        {
            'type': 'object',
            'properties': {
                'servers': {'type': 'array', 'items': server},
                'servers_links': parameters.LINKS,
            },
            'required': ['servers'],
            'additionalProperties': False,
        }
    )


INDEX_RESPONSE = _page(parameters.closed_object(**_REFERENCE))
DETAIL_RESPONSE = _page(_DETAIL)
SHOW_RESPONSE = validation.Schema(parameters.closed_object(server=_DETAIL))
