# SPDX-License-Identifier: Apache-2.0
"""The one table of what is served; router, tests and documents read it."""

import dataclasses

from console_api.api import operation
from console_api.api.controllers import console_auth_tokens
from console_api.api.controllers import console_output
from console_api.api.controllers import remote_consoles
from console_api.api.controllers import servers
from console_api.api.controllers import versions


@dataclasses.dataclass(frozen=True)
class Route:
    """A path and method, and the controller method behind them.

    Each path is served with and without ``/{project_id}`` in front; the root
    without it is public, so another application serves that. With an
    ``action``, the body is an object with that one key, and several rows
    share the path. A row without a handler was removed from the API: 410.
    """

    method: str
    path: str
    controller: type
    handler: operation.Handler | None = None
    action: str | None = None


_TOKENS = console_auth_tokens.ConsoleAuthTokensController
_OUTPUT = console_output.ConsoleOutputController
_CONSOLES = remote_consoles.RemoteConsolesController
_SERVERS = servers.ServersController
_VERSIONS = versions.VersionsController

ACTION_PATH = '/servers/{server_id}/action'
_REMOVED = '/servers/{server_id}/consoles'

#: The root of the API, and of each project in it.
ROOT_PATHS = ('', '/')

ROUTES = (
    *(Route('GET', path, _VERSIONS, _VERSIONS.show) for path in ROOT_PATHS),
    Route('GET', '/servers', _SERVERS, _SERVERS.index),
    Route('GET', '/servers/detail', _SERVERS, _SERVERS.detail),
    Route('GET', '/servers/{server_id}', _SERVERS, _SERVERS.show),
    Route(
        'POST',
        '/servers/{server_id}/remote-consoles',
        _CONSOLES,
        _CONSOLES.create,
    ),
    Route(
        'POST',
        ACTION_PATH,
        _CONSOLES,
        _CONSOLES.get_vnc_console,
        'os-getVNCConsole',
    ),
    Route(
        'POST',
        ACTION_PATH,
        _CONSOLES,
        _CONSOLES.get_spice_console,
        'os-getSPICEConsole',
    ),
    Route(
        'POST',
        ACTION_PATH,
        _CONSOLES,
        _CONSOLES.get_serial_console,
        'os-getSerialConsole',
    ),
    Route(
        'POST',
        ACTION_PATH,
        _CONSOLES,
        _CONSOLES.get_rdp_console,
        'os-getRDPConsole',
    ),
    Route('POST', ACTION_PATH, _OUTPUT, _OUTPUT.create, 'os-getConsoleOutput'),
    Route(
        'GET', '/os-console-auth-tokens/{console_token}', _TOKENS, _TOKENS.show
    ),
    Route('GET', _REMOVED, _CONSOLES),
    Route('POST', _REMOVED, _CONSOLES),
    Route('GET', f'{_REMOVED}/{{console_id}}', _CONSOLES),
    Route('DELETE', f'{_REMOVED}/{{console_id}}', _CONSOLES),
)
