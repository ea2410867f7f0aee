# SPDX-License-Identifier: Apache-2.0
"""Options of the libvirt driver."""

from oslo_config import cfg

GROUP = 'libvirt'

OPTS = [
    cfg.StrOpt(
        'connection_uri',
        default='qemu:///system',
        help="""
The libvirt that the agent connects to.

Any URI that libvirt takes; the agent needs its read-write socket.
""",
    ),
    cfg.IntOpt(
        'call_timeout',
        default=8,
        min=1,
        help="""
How long one call of libvirt may take, in seconds.

Keep it below ``[agent] rpc_timeout``, so that a hanging libvirtd is told from
a silent agent.
""",
    ),
    cfg.StrOpt(
        'default_project_id',
        default='standalone',
        help="""
The project of a domain that carries no Nova metadata.
""",
    ),
    cfg.StrOpt(
        'default_user_id',
        default='standalone',
        help="""
The user of a domain that carries no Nova metadata.
""",
    ),
    cfg.ListOpt(
        'file_owners',
        default=['root', 'libvirt-qemu', 'qemu', 'nova'],
        help="""
The users whose console sockets and log files the agent opens.

The agent's own user is always one of them; a name that this host does not
know is left out. A socket or a file that belongs to somebody else is refused,
and so is one that has a second name or lies behind a symbolic link. Add the
user that QEMU runs as, if it is another one.
""",
    ),
    cfg.IntOpt(
        'bridge_timeout',
        default=600,
        min=1,
        help="""
How long the agent keeps the port of a console that nobody uses, in seconds.

A Unix socket or a pty can be reached on this host only, so the agent opens a
TCP port for it when a console is asked for. The port of a token is gone after
this time, and the token with it: keep it at least as long as
``[consoleauth] token_ttl``.

Related options:

* ``[vnc] server_proxyclient_address``, ``[spice] server_proxyclient_address``
  and ``[serial_console] proxyclient_address``: where the port is opened
""",
    ),
    cfg.IntOpt(
        'keep_log_of',
        default=None,
        min=0,
        help="""
The serial port, by its number in the guest, whose output the agent keeps.

The last 100 KiB are kept in the agent's memory for the console log of domains
without a ``<log>`` file. The port must be a pty. libvirt gives a pty to one
client: while the agent has it, ``virsh console`` is refused; serial consoles
of this service share it. Unset, nothing is kept.
""",
    ),
]
