# SPDX-License-Identifier: Apache-2.0
"""Bodies of the requests for a console and of their answers."""

from console_api.api import validation
from console_api.api.schemas import parameters
from console_api.consoles import types


def _words(version: tuple[int, int]) -> tuple[list[str], list[str]]:
    rows = [r for r in types.CONSOLE_TYPES.values() if r.since <= version]
    protocols = list(dict.fromkeys(row.protocol for row in rows))
    return protocols, [row.name for row in rows]


def _create(version: tuple[int, int]) -> validation.Schema:
    protocols, names = _words(version)
    return validation.Schema(
        parameters.closed_object(
            remote_console=parameters.closed_object(
                protocol={'type': 'string', 'enum': protocols},
                type={'type': 'string', 'enum': names},
            )
        )
    )


def _create_response(version: tuple[int, int]) -> validation.Schema:
    protocols, names = _words(version)
    return validation.Schema(
        parameters.closed_object(
            remote_console=parameters.closed_object(
                protocol={'type': 'string', 'enum': protocols},
                type={'type': 'string', 'enum': names},
                url={'type': 'string', 'format': 'uri'},
            )
        )
    )


def _legacy(action: str) -> validation.Schema:
    names = [
        row.name
        for row in types.CONSOLE_TYPES.values()
        if row.legacy_action == action
    ]
    return validation.Schema(
        parameters.closed_object(
            **{
                action: parameters.closed_object(
                    type={'type': 'string', 'enum': names}
                )
            }
        )
    )


CREATE_V26 = _create((2, 6))
CREATE_V28 = _create((2, 8))
CREATE_V299 = _create((2, 99))
CREATE_RESPONSE_V26 = _create_response((2, 6))
CREATE_RESPONSE_V28 = _create_response((2, 8))
CREATE_RESPONSE_V299 = _create_response((2, 99))

GET_VNC_CONSOLE = _legacy('os-getVNCConsole')
GET_SPICE_CONSOLE = _legacy('os-getSPICEConsole')
GET_SERIAL_CONSOLE = _legacy('os-getSerialConsole')
GET_RDP_CONSOLE = _legacy('os-getRDPConsole')

LEGACY_RESPONSE = validation.Schema(
    parameters.closed_object(
        console=parameters.closed_object(
            type=parameters.STRING,
            url={'type': 'string', 'format': 'uri'},
        )
    )
)
