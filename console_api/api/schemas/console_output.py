# SPDX-License-Identifier: Apache-2.0
"""The request for what a server wrote to its console, and the answer."""

from console_api.api import validation
from console_api.api.schemas import parameters

CREATE = validation.Schema(
    parameters.closed_object(
        **{
            'os-getConsoleOutput': {
                'type': 'object',
                'properties': {
                    'length': {
                        'type': ['integer', 'string', 'null'],
                        # Digits, or -1; applies to strings alone.
                        'pattern': '^(-1|[0-9]+)$',
                        # Applies to numbers alone.
                        'minimum': -1,
                        # The longest string that is still a sane number.
                        'maxLength': 20,
                    }
                },
                'additionalProperties': False,
            }
        }
    )
)

CREATE_RESPONSE = validation.Schema(
    parameters.closed_object(output=parameters.STRING)
)
