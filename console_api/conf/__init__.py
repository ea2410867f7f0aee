# SPDX-License-Identifier: Apache-2.0
"""The options of the service; one module per group."""

from oslo_config import cfg

from console_api.conf import agent
from console_api.conf import agent_status
from console_api.conf import api
from console_api.conf import base
from console_api.conf import conductor
from console_api.conf import conductor_status
from console_api.conf import console
from console_api.conf import consoleauth
from console_api.conf import fake
from console_api.conf import libvirt
from console_api.conf import mks
from console_api.conf import notifications
from console_api.conf import proxy
from console_api.conf import proxy_status
from console_api.conf import serial_console
from console_api.conf import servers
from console_api.conf import spice
from console_api.conf import upgrade_levels
from console_api.conf import vnc

_MODULES = (
    base,
    agent,
    agent_status,
    api,
    conductor,
    conductor_status,
    console,
    consoleauth,
    fake,
    libvirt,
    mks,
    notifications,
    proxy,
    proxy_status,
    serial_console,
    servers,
    spice,
    upgrade_levels,
    vnc,
)


def register_opts(conf: cfg.ConfigOpts) -> None:
    """Make every option of the service known; may be called again."""
    for group, options in list_opts():
        conf.register_opts(
            options, group=None if group == 'DEFAULT' else group
        )


def list_opts() -> list[tuple[str, list[cfg.Opt]]]:
    """Every group with its options, for the sample configuration."""
    return [(module.GROUP, list(module.OPTS)) for module in _MODULES]
