# SPDX-License-Identifier: Apache-2.0
"""The documents that say which versions are served."""

from console_api.api import validation
from console_api.api.schemas import parameters

_VERSION = {
    'id': parameters.STRING,
    'status': {'type': 'string', 'enum': ['CURRENT', 'DEPRECATED']},
    # Empty for a version that knows no microversions.
    'version': parameters.STRING,
    'min_version': parameters.STRING,
    'updated': {'type': 'string', 'format': 'date-time'},
    'links': parameters.LINKS,
}

INDEX_RESPONSE = validation.Schema(
    parameters.closed_object(
        versions={
            'type': 'array',
            'items': parameters.closed_object(**_VERSION),
        }
    )
)

SHOW_RESPONSE = validation.Schema(
    parameters.closed_object(
        version=parameters.closed_object(
            **_VERSION,
            **{
                'media-types': {
                    'type': 'array',
                    'items': parameters.closed_object(
                        base=parameters.STRING, type=parameters.STRING
                    ),
                }
            },
        )
    )
)
