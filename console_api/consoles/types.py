# SPDX-License-Identifier: Apache-2.0
"""What kinds of console exist, and the facts that a connection needs."""

from collections.abc import Mapping
import dataclasses
import enum
import types


class UrlRule(enum.Enum):
    """How a token becomes part of the base URL (API.md, section URLs)."""

    #: noVNC: inside the ``path`` parameter of the page's query.
    PATH = 'path'
    #: everything else: ``?token=``.
    TOKEN = 'token'  # noqa: S105 - the name of a query parameter


@dataclasses.dataclass(frozen=True)
class ConsoleType:
    """One row: a console type and all that the layers must know of it.

    ``group`` and ``base_url_option`` name the configuration;
    ``legacy_action`` is the action that served the type below 2.6. A removed
    type is still a word of the API, but no server offers it. ``viewable``:
    the proxy can tell input from what a viewer must send. ``native``: the
    proxy makes a file, with which a client connects by itself.
    """

    name: str
    protocol: str
    group: str = ''
    base_url_option: str = ''
    url_rule: UrlRule = UrlRule.TOKEN
    since: tuple[int, int] = (2, 6)
    legacy_action: str | None = None
    removed: bool = False
    viewable: bool = False
    native: bool = False

    @property
    def operation(self) -> str:
        """What messages call a request for such a console."""
        return f'get_{self.protocol}_console'


_ROWS = (
    ConsoleType(
        'novnc',
        'vnc',
        'vnc',
        'novncproxy_base_url',
        UrlRule.PATH,
        legacy_action='os-getVNCConsole',
        viewable=True,
    ),
    ConsoleType(
        'xvpvnc', 'vnc', legacy_action='os-getVNCConsole', removed=True
    ),
    ConsoleType(
        'spice-html5',
        'spice',
        'spice',
        'html5proxy_base_url',
        legacy_action='os-getSPICEConsole',
    ),
    ConsoleType(
        'spice-direct',
        'spice',
        'spice',
        'spice_direct_proxy_base_url',
        since=(2, 99),
        native=True,
    ),
    ConsoleType(
        'serial',
        'serial',
        'serial_console',
        'base_url',
        legacy_action='os-getSerialConsole',
        viewable=True,
    ),
    ConsoleType(
        'rdp-html5', 'rdp', legacy_action='os-getRDPConsole', removed=True
    ),
    ConsoleType('webmks', 'mks', 'mks', 'mksproxy_base_url', since=(2, 8)),
)

#: Every console type by its name.
CONSOLE_TYPES: Mapping[str, ConsoleType] = types.MappingProxyType(
    {row.name: row for row in _ROWS}
)


class Secret:
    """A password that does not show itself in logs and tracebacks."""

    __slots__ = ('_value',)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """The password itself, for the one who logs in with it."""
        return self._value

    def __repr__(self) -> str:
        return '<Secret>'


@dataclasses.dataclass(frozen=True)
class ConnectInfo:
    """Where the console of a running guest listens, as the proxy reaches it.

    ``internal_access_path`` is what the proxy asks a CONNECT gateway for
    (``mks``); ``tls_port`` is set for SPICE alone. Ports are 1 to 65535.
    Where nothing but TLS is spoken, ``port`` is the ``tls_port``.
    """

    host: str
    port: int
    internal_access_path: str | None = None
    tls_port: int | None = None


@dataclasses.dataclass(frozen=True)
class ConsoleGrant:
    """What a valid token lets a proxy do, until ``expires_at``.

    ``expires_at`` is in whole seconds since the epoch, UTC. ``secret`` is
    the password that the hypervisor asks for on this console, None where it
    has none. It comes from the agent when a session begins, for the proxy to
    log in with: it is neither stored nor logged, no user gets it, and the
    REST API never has it. ``view_only``: input of the user must not reach
    the guest. Until ``rejoin_until``, which counts as ``expires_at`` does,
    the client of this session may come back with the secret that was offered
    for it; None where it gets none.
    """

    server_id: str
    console_type: str
    connect: ConnectInfo
    expires_at: int
    project_id: str | None = None
    user_id: str | None = None
    secret: Secret | None = dataclasses.field(
        default=None, repr=False, compare=False
    )
    view_only: bool = False
    rejoin_until: int | None = None
