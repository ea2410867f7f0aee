# SPDX-License-Identifier: Apache-2.0
"""Tells systemd how far a service of ``Type=notify`` is (sd_notify(3))."""

import os
import socket

READY = 'READY=1'
STOPPING = 'STOPPING=1'

_VARIABLE = 'NOTIFY_SOCKET'


def stopping(seconds: float) -> None:
    """Say that the service ends, and that it may take so many seconds."""
    notify(f'{STOPPING}\nEXTEND_TIMEOUT_USEC={int(seconds * 1e6)}')


def notify(state: str) -> None:
    """Send one state; nothing happens where systemd does not listen."""
    name = os.environ.get(_VARIABLE, '')
    if not name.startswith(('/', '@')):
        return
    # A leading @ stands for the NUL of an abstract socket.
    address = f'\0{name[1:]}' if name[0] == '@' else name
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        try:
            sock.connect(address)
            sock.sendall(state.encode())
        except OSError:
            # A service that works must not end because its manager is gone.
            return
