# SPDX-License-Identifier: Apache-2.0
"""Connects to the console of a guest, whichever of its addresses answers."""

import asyncio
from collections.abc import Sequence
import logging
import os
import socket
from typing import Any
from typing import TypeAlias

from console_api.consoles import targets
from console_api.proxy import inbox
from console_api.proxy import readbuffer
from console_api.proxy import wire

LOG = logging.getLogger(__name__)

#: The next address is tried beside the last one after this many seconds
#: (RFC 8305, 5, "Connection Attempt Delay").
ATTEMPT_DELAY = 0.25

_Address: TypeAlias = tuple[socket.AddressFamily, Any]


async def connect(
    host: str,
    port: int,
    buffer: readbuffer.ReadBuffer,
    interval: float,
    boundary: targets.Boundary,
) -> inbox.Inbox:
    """A connection to this host and port; the caller sets the deadline.

    ``interval`` is as ``wire.tune`` has it. Of the addresses of the host none
    is tried that is beyond the ``boundary``.

    :raises OSError: no address of the host could be reached, or none may be
    """
    found = await _resolve(host, port)
    within = [one for one in found if boundary.permits(host, one[1][0])]
    if not within:
        raise _forbidden(host, found)
    sock = await _race(within)
    try:
        wire.tune(sock, interval)
    except OSError:
        sock.close()
        raise
    return await inbox.attach(sock, buffer)


def _forbidden(host: str, found: Sequence[_Address]) -> OSError:
    addresses = ', '.join(str(address[0]) for _, address in found)
    what = host if host == addresses else f'{host} ({addresses})'
    reason = f'[proxy] allowed_targets does not have {what}'
    LOG.error('A console is not connected to: %s', reason)
    return PermissionError(reason)


async def _resolve(host: str, port: int) -> list[_Address]:
    """The addresses of a host, IPv6 and IPv4 in turn (RFC 8305, 4)."""
    loop = asyncio.get_running_loop()
    try:
        # An address as a number, the usual case, needs no thread.
        found: Sequence[tuple[Any, ...]] = socket.getaddrinfo(
            host,
            port,
            type=socket.SOCK_STREAM,
            flags=socket.AI_NUMERICHOST | socket.AI_NUMERICSERV,
        )
    except (socket.gaierror, UnicodeError):
        found = await _look_up(loop, host, port)
    addresses = [(entry[0], entry[4]) for entry in found]
    first = [entry for entry in addresses if entry[0] == addresses[0][0]]
    second = [entry for entry in addresses if entry[0] != addresses[0][0]]
    for place, entry in enumerate(second):
        first.insert(2 * place + 1, entry)
    return first


async def _look_up(
    loop: asyncio.AbstractEventLoop, host: str, port: int
) -> Sequence[tuple[Any, ...]]:
    try:
        return await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except UnicodeError as exc:
        raise OSError('the host name is not valid') from exc


async def _race(addresses: Sequence[_Address]) -> socket.socket:
    """The socket of the first address that answers.

    :raises OSError: the error of the last one, when none does
    """
    if len(addresses) == 1:
        # The usual case: no race, so no task and no timer.
        return await _attempt(addresses[0])
    attempts: set[asyncio.Task[socket.socket]] = set()
    waiting = list(addresses)
    error = OSError('the host has no address')
    try:
        while waiting or attempts:
            if waiting:
                attempts.add(asyncio.ensure_future(_attempt(waiting.pop(0))))
            done, attempts = await asyncio.wait(
                attempts,
                timeout=ATTEMPT_DELAY if waiting else None,
                return_when=asyncio.FIRST_COMPLETED,
            )
            for task in done:
                failure = task.exception()
                if failure is None:
                    attempts |= done - {task}
                    return task.result()
                assert isinstance(failure, OSError)
                error = failure
        raise error
    finally:
        _abandon(attempts)


async def _attempt(address: _Address) -> socket.socket:
    sock = socket.socket(address[0], socket.SOCK_STREAM)
    try:
        sock.setsockopt(
            socket.SOL_SOCKET, socket.SO_RCVBUF, wire.RECEIVE_BUFFER
        )
        sock.setblocking(False)
        await _connect(sock, address[1])
    except BaseException:
        sock.close()
        raise
    return sock


async def _connect(sock: socket.socket, address: Any) -> None:
    """As ``sock_connect`` of the loop; uvloop's asks a thread to resolve."""
    try:
        sock.connect(address)
    except (BlockingIOError, InterruptedError):
        pass
    else:
        return
    loop = asyncio.get_running_loop()
    connected = loop.create_future()
    loop.add_writer(sock, _wake, connected)
    try:
        await connected
    finally:
        loop.remove_writer(sock)
    error = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
    if error:
        raise OSError(error, os.strerror(error))


def _wake(connected: asyncio.Future[None]) -> None:
    if not connected.done():
        connected.set_result(None)


def _abandon(attempts: set[asyncio.Task[socket.socket]]) -> None:
    """Stop the attempts that lost; one that has just won is closed."""
    for task in attempts:
        task.cancel()
        task.add_done_callback(_close)


def _close(task: asyncio.Task[socket.socket]) -> None:
    if not task.cancelled() and task.exception() is None:
        task.result().close()
