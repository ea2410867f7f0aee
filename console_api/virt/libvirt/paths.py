# SPDX-License-Identifier: Apache-2.0
"""Opens files and sockets that a domain names, and no others.

Whoever may write to a directory on the way, a guest that broke out of its
emulator for one, could put a link there to something that only the agent may
read. So no link is followed on any step, what is opened must be of the right
kind and have no other name, and it must belong to somebody who is trusted.
"""

from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Iterator
import contextlib
import os
import pwd
import socket
import stat
import struct

#: Only a place in the tree: nothing happens to what is there.
_LOOK = os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC
#: How long a socket may take to accept a connection, in seconds.
PATIENCE = 10
_FOR_EVER = 0


class RefusedError(OSError):
    """Something else is at the path than there should be."""


def owners(names: Iterable[str]) -> frozenset[int]:
    """The ids of these users and of this process; others are left out."""
    found = {os.geteuid()}
    for name in names:
        with contextlib.suppress(KeyError):
            found.add(pwd.getpwnam(name).pw_uid)
    return frozenset(found)


def open_file(path: str, trusted: frozenset[int]) -> int:
    """A descriptor of the regular file at an absolute path, to read.

    :raises OSError: it is not there, or no such file that may be opened
    """
    with _found(path, trusted, stat.S_ISREG) as found:
        return os.open(f'/proc/self/fd/{found}', os.O_RDONLY | os.O_CLOEXEC)


def connect(
    path: str, trusted: frozenset[int], patience: float = PATIENCE
) -> socket.socket:
    """A connection to the stream socket at an absolute path.

    :raises OSError: it is not there, nobody listens or accepts, or no such
        socket that may be opened
    """
    with _found(path, trusted, stat.S_ISSOCK) as found:
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            # One whose backlog is full would be waited for without end.
            _bound(sock, patience)
            sock.connect(f'/proc/self/fd/{found}')
            _bound(sock, _FOR_EVER)
        except BaseException:
            sock.close()
            raise
        return sock


def _bound(sock: socket.socket, seconds: float) -> None:
    """Let calls that send wait so long at most (unix(7) connects so too)."""
    micros = round(seconds * 1_000_000)
    sock.setsockopt(
        socket.SOL_SOCKET,
        socket.SO_SNDTIMEO,
        struct.pack('ll', *divmod(micros, 1_000_000)),
    )


@contextlib.contextmanager
def _found(
    path: str, trusted: frozenset[int], right_kind: Callable[[int], bool]
) -> Iterator[int]:
    """A descriptor of what is at the path, after all checks."""
    first, *parts = path.split('/')
    if first or '\0' in path or not parts or {'', '.', '..'} & {*parts}:
        raise RefusedError(f'{path!r:.300} is no plain absolute path')
    place = os.open('/', _LOOK | os.O_DIRECTORY)
    try:
        for index, part in enumerate(parts):
            last = index == len(parts) - 1
            below = os.open(
                part, _LOOK | (0 if last else os.O_DIRECTORY), dir_fd=place
            )
            os.close(place)
            place = below
        facts = os.fstat(place)
        if not right_kind(facts.st_mode):
            raise RefusedError(f'{path}: of the wrong kind')
        if facts.st_nlink != 1:
            raise RefusedError(f'{path}: it has another name')
        if facts.st_uid not in trusted:
            raise RefusedError(f'{path}: user {facts.st_uid} owns it')
        yield place
    finally:
        os.close(place)
