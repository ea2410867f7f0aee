# SPDX-License-Identifier: Apache-2.0
"""What listens for a simulated server, by kind of port."""

import datetime
import enum

from console_api.consoles import types
from console_api.virt.fake import consolelog
from console_api.virt.fake import desktop
from console_api.virt.fake import inventory
from console_api.virt.fake import loop
from console_api.virt.fake import serial
from console_api.virt.fake import spice


class Port(enum.Enum):
    """The ports that a simulated server may have."""

    VNC = 'vnc'
    SERIAL = 'serial'
    SPICE = 'spice'
    SPICE_TLS = 'spice over TLS'

    @classmethod
    def of(cls, console_type: types.ConsoleType) -> 'Port | None':
        """The one for consoles of this type, or None: not simulated."""
        return next((p for p in cls if p.value == console_type.protocol), None)


def build(
    port: Port,
    server: inventory.SimulatedServer,
    log: consolelog.ConsoleLog,
) -> loop.Service:
    """The service behind that port of that server."""
    if port is Port.VNC:
        return desktop.Desktop(server, _now)
    if port is Port.SERIAL:
        return serial.SerialPort(server, log, _now)
    if port is Port.SPICE:
        return spice.SpicePort()
    return spice.SecureSpicePort()


def _now() -> datetime.datetime:
    return datetime.datetime.now(datetime.UTC)
