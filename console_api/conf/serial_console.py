# SPDX-License-Identifier: Apache-2.0
"""Options of serial consoles."""

from oslo_config import cfg

GROUP = 'serial_console'

OPTS = [
    cfg.BoolOpt(
        'enabled',
        default=False,
        help="""
Whether serial consoles are offered.

Where it is off, a request for one ends with 400.
""",
    ),
    cfg.URIOpt(
        'base_url',
        default='ws://127.0.0.1:6083/',
        help="""
The address that the URL of a serial console starts with.

The agent puts the token into its query. Users reach it from outside, so name
the public side of the proxy. It may have a query of its own and no fragment.
""",
    ),
    cfg.StrOpt(
        'proxyclient_address',
        default='127.0.0.1',
        help="""
The address of this host at which the proxy reaches the serial ports of its
guests.

Set on the hypervisor host, to an address of the management network.
""",
    ),
    cfg.IntOpt(
        'port_number',
        default=None,
        min=0,
        help="""
The serial port that is the console, by its number in the guest.

Set on the hypervisor host. 0 is the port that Linux calls ``ttyS0``. Unset,
it is the first port that can be reached.
""",
    ),
    cfg.StrOpt(
        'on_conflict',
        default='refuse',
        choices=[
            ('refuse', 'The new session is told that the console is in use.'),
            ('takeover', 'The new session ends the one before.'),
        ],
        help="""
What happens when a second session is opened to a serial line.

Two that type at once would garble the line, so there is one at a time, over
all workers and proxies of a host. Set on the proxies. Proxies on other hosts
do not know of each other: there the second session waits until the guest's
line is free. ``takeover`` helps a user whose browser went away without a word.
""",
    ),
]
