# SPDX-License-Identifier: Apache-2.0
"""Pieces that several schemas are made of."""

from collections.abc import Mapping
from typing import Any

from console_api.api import validation

JSON = Mapping[str, Any]

STRING: JSON = {'type': 'string'}
STRING_OR_NULL: JSON = {'type': ['string', 'null']}
PORT: JSON = {'type': 'integer', 'minimum': 1, 'maximum': 65535}


def closed_object(**properties: JSON) -> JSON:
    """An object with exactly these properties."""
    return {
        'type': 'object',
        'properties': properties,
        'required': sorted(properties),
        'additionalProperties': False,
    }


#: References to other resources.
LINKS: JSON = {
    'type': 'array',
    'items': closed_object(
        rel=STRING, href={'type': 'string', 'format': 'uri'}
    ),
}

#: The variables in paths. Any text is taken; what names nothing is 404.
PATH: JSON = {
    'console_id': {**STRING, 'description': 'The id of a console.'},
    'console_token': {
        **STRING,
        'description': 'The token from the URL of a console.',
    },
    'project_id': {
        **STRING,
        'description': (
            "The project of the caller's token: digits from 0 to f and dashes."
        ),
    },
    'server_id': {
        **STRING,
        'description': 'The UUID of a server, with its dashes.',
    },
}

#: A query that may hold anything, because Nova ignores what it does not know.
ANY_QUERY = validation.Schema({'type': 'object', 'additionalProperties': True})

#: A query without parameters.
NO_QUERY = validation.Schema({'type': 'object', 'additionalProperties': False})
