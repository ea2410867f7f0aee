# SPDX-License-Identifier: Apache-2.0
"""Lets the kernel notice peers that have gone without a word."""

import socket

#: Probes without an answer; fewer where there is no time for them.
_PROBES = 3
#: The most seconds that Linux takes for a pause.
_LONGEST = 32767


def turn_on(sock: socket.socket, interval: float) -> None:
    """Give a silent peer of TCP up within two intervals, in seconds.

    It is asked when nothing has come of it for the first one. An infinite
    interval leaves the times to the system, which are hours. A peer that
    lives and takes no data is kept. TCP_USER_TIMEOUT would end that one too,
    and so what is on its way to a dead peer ends by tcp_retries2 only.

    :raises OSError: the connection is gone already
    """
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    if interval == float('inf'):
        return
    idle = max(1, min(int(interval), _LONGEST))
    pause = max(1, idle // _PROBES)
    for option, value in (
        (socket.TCP_KEEPIDLE, idle),
        (socket.TCP_KEEPINTVL, pause),
        (socket.TCP_KEEPCNT, min(idle // pause, _PROBES)),
    ):
        sock.setsockopt(socket.IPPROTO_TCP, option, value)
