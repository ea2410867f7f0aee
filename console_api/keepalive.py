# SPDX-License-Identifier: Apache-2.0
"""Lets the kernel notice peers that have gone without a word."""

import socket
import struct

#: Probes without an answer; fewer where there is no time for them.
_PROBES = 3
#: Of struct tcp_info (linux/tcp.h): how often in a row data was sent again,
#: how many probes are without an answer, and the milliseconds since the last
#: acknowledgement.
_INFO = struct.Struct('2x2B52xI')
#: The most seconds that Linux takes for a pause.
_LONGEST = 32767


def turn_on(sock: socket.socket, interval: float) -> None:
    """Give a silent peer of TCP up within two intervals, in seconds.

    It is asked when nothing has come of it for the first one. An infinite
    interval leaves the times to the system, which are hours. A peer that
    lives and takes no data is kept; TCP_USER_TIMEOUT would end that one too.
    While data is on its way none is asked: see ``unanswered_since``.

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


def unanswered_since(
    sock: socket.socket, since: float | None, now: float
) -> float | None:
    """Since when the host of a peer acknowledges nothing; None if it does.

    Where data is on its way no probes are sent, and by itself the kernel goes
    on for a quarter of an hour (tcp_retries2). A host whose process reads
    nothing acknowledges probes of its window, and is not meant.

    To be asked repeatedly with the last answer, as ``since``. ``now`` is of
    any clock that goes on evenly, in seconds.
    """
    if sock.family not in (socket.AF_INET, socket.AF_INET6):
        return None
    info = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _INFO.size)
    again, probes, quiet = _INFO.unpack(info)
    if not (again or probes):
        return None
    if since is None or now - quiet / 1000 > since:
        return now
    return since
