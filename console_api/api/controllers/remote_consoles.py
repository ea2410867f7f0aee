# SPDX-License-Identifier: Apache-2.0
"""Get a console of a server, the unified way and by the legacy actions."""

from collections.abc import Mapping
from typing import Any

from console_api import exception
from console_api.api import access
from console_api.api import operation
from console_api.api.schemas import parameters
from console_api.api.schemas import remote_consoles as schemas
from console_api.consoles import types

#: Why there is no console, whichever way it was asked for.
_FAULTS = (
    exception.ConsoleTypeInvalid,
    exception.ConsoleTypeUnavailable,
    exception.HostUnavailable,
    exception.InstanceInvalidState,
    exception.InstanceNotFound,
    exception.InstanceNotReady,
    exception.NotSupported,
    exception.PolicyNotAuthorized,
)


class RemoteConsolesController:
    """``/servers/{server_id}/remote-consoles`` and the ``get...`` actions."""

    def __init__(self, services: operation.Services) -> None:
        self._services = services

    @operation.faults(*_FAULTS)
    @operation.operation(
        '2.6',
        '2.7',
        query=parameters.ANY_QUERY,
        body=schemas.CREATE_V26,
        response=schemas.CREATE_RESPONSE_V26,
    )
    @operation.operation(
        '2.8',
        '2.98',
        query=parameters.ANY_QUERY,
        body=schemas.CREATE_V28,
        response=schemas.CREATE_RESPONSE_V28,
    )
    @operation.operation(
        '2.99',
        query=parameters.ANY_QUERY,
        body=schemas.CREATE_V299,
        response=schemas.CREATE_RESPONSE_V299,
    )
    def create(self, call: operation.Call) -> Mapping[str, Any]:
        """Get the URL of a console of any protocol."""
        wanted = call.body['remote_console']
        granted = access.to_console(self._services, call)
        console_type = _offered_type(wanted['type'], wanted['protocol'])
        url = self._services.broker.create(call.context, granted, console_type)
        return {'remote_console': {**wanted, 'url': url}}

    @operation.faults(*_FAULTS)
    @operation.operation(
        '2.1',
        '2.5',
        query=parameters.ANY_QUERY,
        body=schemas.GET_VNC_CONSOLE,
        response=schemas.LEGACY_RESPONSE,
    )
    def get_vnc_console(self, call: operation.Call) -> Mapping[str, Any]:
        """Get the URL of a VNC console."""
        return self._legacy(call, 'os-getVNCConsole')

    @operation.faults(*_FAULTS)
    @operation.operation(
        '2.1',
        '2.5',
        query=parameters.ANY_QUERY,
        body=schemas.GET_SPICE_CONSOLE,
        response=schemas.LEGACY_RESPONSE,
    )
    def get_spice_console(self, call: operation.Call) -> Mapping[str, Any]:
        """Get the URL of a SPICE console."""
        return self._legacy(call, 'os-getSPICEConsole')

    @operation.faults(*_FAULTS)
    @operation.operation(
        '2.1',
        '2.5',
        query=parameters.ANY_QUERY,
        body=schemas.GET_SERIAL_CONSOLE,
        response=schemas.LEGACY_RESPONSE,
    )
    def get_serial_console(self, call: operation.Call) -> Mapping[str, Any]:
        """Get the URL of a serial console."""
        return self._legacy(call, 'os-getSerialConsole')

    @operation.faults(*_FAULTS)
    @operation.operation(
        '2.1',
        '2.5',
        query=parameters.ANY_QUERY,
        body=schemas.GET_RDP_CONSOLE,
        response=schemas.LEGACY_RESPONSE,
    )
    def get_rdp_console(self, call: operation.Call) -> Mapping[str, Any]:
        """Say that RDP consoles were removed."""
        return self._legacy(call, 'os-getRDPConsole')

    def _legacy(self, call: operation.Call, action: str) -> Mapping[str, Any]:
        console_type = _offered_type(call.body[action]['type'])
        # Below 2.6 Nova asks the rule before it looks for the server: who
        # gets no console anywhere is not told which servers there are.
        access.check_own_consoles(self._services, call)
        granted = access.to_console(self._services, call)
        url = self._services.broker.create(call.context, granted, console_type)
        return {'console': {'type': console_type.name, 'url': url}}


def _offered_type(name: str, protocol: str | None = None) -> types.ConsoleType:
    row = types.CONSOLE_TYPES[name]
    if protocol not in (None, row.protocol):
        raise exception.ConsoleTypeInvalid(name)
    if row.removed:
        raise exception.ConsoleTypeRemoved(name)
    return row
