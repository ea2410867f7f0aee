# SPDX-License-Identifier: Apache-2.0
"""The answer to the look-up of a console token."""

from console_api.api import validation
from console_api.api.schemas import parameters

_CONNECTION = {
    'instance_uuid': {'type': 'string', 'format': 'uuid'},
    'host': parameters.STRING,
    'port': parameters.PORT,
    'internal_access_path': parameters.STRING_OR_NULL,
}

SHOW_RESPONSE_V231 = validation.Schema(
    parameters.closed_object(console=parameters.closed_object(**_CONNECTION))
)

_V299 = {
    **parameters.closed_object(**_CONNECTION),
    'properties': {
        **_CONNECTION,
        'tls_port': {**parameters.PORT, 'type': ['integer', 'null']},
    },
}

SHOW_RESPONSE_V299 = validation.Schema(parameters.closed_object(console=_V299))
