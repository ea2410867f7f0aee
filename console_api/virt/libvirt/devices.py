# SPDX-License-Identifier: Apache-2.0
"""Which device of a domain each console type is made of."""

from collections.abc import Callable
from collections.abc import Mapping
import dataclasses
import types

from oslo_config import cfg

from console_api.virt.libvirt import domain

#: QEMU gives one client a serial port, and several a screen. SPICE opens a
#: connection for each of its channels.
_ONE = 1
_SEVERAL = 64


@dataclasses.dataclass(frozen=True)
class Endpoint:
    """Where a device listens; all None: that is not known yet.

    ``port`` and ``tls_port`` are on TCP. ``socket`` is the path of a Unix
    socket, ``alias`` the device whose stream libvirt gives: neither can be
    reached from another host. ``clients`` may use them at once.
    """

    port: int | None = None
    tls_port: int | None = None
    socket: str | None = None
    alias: str | None = None
    clients: int = _ONE


#: The endpoint of a console in a domain; None: there is no such device.
Finder = Callable[[domain.Domain, cfg.ConfigOpts], Endpoint | None]


@dataclasses.dataclass(frozen=True)
class Device:
    """How a console type finds its device, and the option of its address."""

    find: Finder
    address_option: str = 'server_proxyclient_address'
    graphics: domain.GraphicsType | None = None


def _vnc(parsed: domain.Domain, conf: cfg.ConfigOpts) -> Endpoint | None:
    del conf
    found = parsed.graphics_of(domain.GraphicsType.VNC)
    if found is None:
        return None
    if found.socket is not None:
        return Endpoint(socket=found.socket, clients=_SEVERAL)
    return Endpoint(found.port) if found.tcp else None


def _spice(parsed: domain.Domain, conf: cfg.ConfigOpts) -> Endpoint | None:
    found = parsed.graphics_of(domain.GraphicsType.SPICE)
    if found is None:
        return None
    if found.socket is None and not found.tcp:
        return None
    # A socket is plain, and so is a port without one for TLS beside it.
    plain = found.socket is not None or (found.port and not found.tls_port)
    if plain and conf.spice.require_secure:
        return None
    if found.socket is not None:
        return Endpoint(socket=found.socket, clients=_SEVERAL)
    if conf.spice.require_secure or found.port is None:
        return Endpoint(found.tls_port, found.tls_port)
    return Endpoint(found.port, found.tls_port)


def _serial(parsed: domain.Domain, conf: cfg.ConfigOpts) -> Endpoint | None:
    wanted = conf.serial_console.port_number
    for port in parsed.serials:
        if wanted is not None and port.number != wanted:
            continue
        endpoint = _serial_endpoint(port, parsed.active)
        if endpoint is not None:
            return endpoint
    return None


def _serial_endpoint(port: domain.Serial, active: bool) -> Endpoint | None:
    if port.type is domain.SerialType.TCP:
        return None if port.port is None else Endpoint(port.port)
    if port.type is domain.SerialType.UNIX:
        if port.path is None:
            return None if active else Endpoint()
        return Endpoint(socket=port.path)
    if active and port.alias is None:
        return None
    return Endpoint(alias=port.alias)


#: Every console type that these guests can have.
DEVICES: Mapping[str, Device] = types.MappingProxyType(
    {
        'novnc': Device(_vnc, graphics=domain.GraphicsType.VNC),
        'spice-html5': Device(_spice, graphics=domain.GraphicsType.SPICE),
        'spice-direct': Device(_spice, graphics=domain.GraphicsType.SPICE),
        'serial': Device(_serial, 'proxyclient_address'),
    }
)
