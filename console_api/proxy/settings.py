# SPDX-License-Identifier: Apache-2.0
"""What a proxy takes from the configuration, once, when it starts."""

import dataclasses
import math
import resource

from oslo_config import cfg

from console_api import exception
from console_api.consoles import targets
from console_api.proxy import limits
from console_api.proxy import origin
from console_api.proxy.rfb import security

_SCHEMES = {
    'none': security.SecurityType.NONE,
    'vnc': security.SecurityType.VNC_AUTH,
    'vencrypt': security.SecurityType.VENCRYPT,
}


@dataclasses.dataclass(frozen=True)
class Settings:
    """Deadlines in seconds, and what is allowed.

    ``takeover``: a new session on a serial line ends the one before.

    ``auth_schemes`` are what VNC servers may ask for, best first.
    ``own_origins`` are those of the addresses that users are sent to: behind
    a proxy that ends TLS the pages have another origin than this listener.
    """

    handshake_timeout: float
    authority_timeout: float
    connect_timeout: float
    negotiation_timeout: float
    allowed_origins: frozenset[origin.Origin]
    own_origins: frozenset[origin.Origin]
    auth_schemes: tuple[security.SecurityType, ...] = (
        security.SecurityType.NONE,
    )
    takeover: bool = False
    #: Seconds; infinite where there are no pings, or no such limit.
    ping_interval: float = math.inf
    idle_timeout: float = math.inf
    #: Whether a session ends when its token expires.
    ends_with_token: bool = False
    most: limits.Most = dataclasses.field(default_factory=limits.Most)
    boundary: targets.Boundary = dataclasses.field(
        default_factory=targets.Boundary
    )

    @property
    def origins(self) -> frozenset[origin.Origin]:
        """Every origin whose pages may open a console, without the Host's."""
        return self.allowed_origins | self.own_origins


def load(conf: cfg.ConfigOpts) -> Settings:
    """The settings of this configuration.

    :raises ConfigurationError: an origin is not one
    """
    try:
        allowed = origin.parse_allowed(conf.console.allowed_origins)
    except ValueError as exc:
        raise exception.ConfigurationError(
            f'[console] allowed_origins: {exc}'
        ) from exc
    urls = (
        conf.vnc.novncproxy_base_url,
        conf.spice.html5proxy_base_url,
        conf.serial_console.base_url,
    )
    own = (origin.of_url(url) for url in urls)
    return Settings(
        handshake_timeout=conf.proxy.handshake_timeout,
        authority_timeout=conf.proxy.authority_timeout,
        connect_timeout=conf.proxy.connect_timeout,
        negotiation_timeout=conf.proxy.negotiation_timeout,
        allowed_origins=allowed,
        own_origins=frozenset(entry for entry in own if entry is not None),
        auth_schemes=tuple(_SCHEMES[name] for name in conf.vnc.auth_schemes),
        takeover=conf.serial_console.on_conflict == 'takeover',
        ping_interval=conf.proxy.ping_interval or math.inf,
        idle_timeout=conf.proxy.idle_timeout or math.inf,
        most=limits.Most(
            sessions=conf.proxy.max_sessions or math.inf,
            per_server=conf.proxy.max_sessions_per_server or math.inf,
            per_client=conf.proxy.max_sessions_per_client or math.inf,
            handshakes=conf.proxy.max_handshakes or math.inf,
            handshakes_per_client=(
                conf.proxy.max_handshakes_per_client or math.inf
            ),
        ).within(resource.getrlimit(resource.RLIMIT_NOFILE)[0]),
        ends_with_token=conf.consoleauth.enforce_session_timeout,
        boundary=targets.Boundary(
            listed=targets.AllowedTargets(conf.proxy.allowed_targets),
            allowed=targets.AllowedTargets(conf.console.allowed_targets),
        ),
    )
