# SPDX-License-Identifier: Apache-2.0
"""Goes through a gateway to a console, by HTTP's CONNECT (MKS)."""

import re

from console_api.consoles import types
from console_api.proxy import closing
from console_api.proxy import inbox

#: The most that the head of an answer may take, in bytes.
MAX_HEAD = 8 * 1024

#: No space and no line end: the path must not become a second request.
_PATH = re.compile(r'[!-~]{1,2048}', re.ASCII)
_HOST = re.compile(r'[A-Za-z0-9._-]{1,253}', re.ASCII)
_NUMERIC = re.compile(r'[0-9A-Fa-f:.]{2,45}', re.ASCII)
_STATUS = re.compile(rb'HTTP/1\.[01] ([0-9]{3})(?: [^\r\n]*)?\r?\n')
_END = re.compile(rb'\r?\n\r?\n')


async def enter(guest: inbox.Inbox, where: types.ConnectInfo) -> bytes:
    """Ask for the console; returns what came behind the answer.

    The caller sets the deadline.

    :raises EndedError: the gateway refuses, or does not speak HTTP
    """
    guest.wire.write(_request(where))
    head = b''
    while (end := _END.search(head)) is None:
        if len(head) > MAX_HEAD:
            raise _failed('its answer is too long')
        data = await guest.read()
        if not data:
            raise _failed('it closed the connection')
        head += data
    if end.end() > MAX_HEAD:
        raise _failed('its answer is too long')
    status = _STATUS.match(head)
    if status is None:
        raise _failed(f'it answered {head[:60]!r}')
    if status[1] != b'200':
        raise _failed(f'it answered {int(status[1])}')
    return head[end.end() :]


def _request(where: types.ConnectInfo) -> bytes:
    path = where.internal_access_path or ''
    if not _PATH.fullmatch(path):
        raise _failed('the path to ask it for is malformed')
    if _HOST.fullmatch(where.host):
        host = where.host
    elif _NUMERIC.fullmatch(where.host):
        host = f'[{where.host}]'
    else:
        raise _failed('its name is malformed')
    return (
        f'CONNECT {path} HTTP/1.1\r\nHost: {host}:{where.port}\r\n\r\n'
    ).encode('ascii')


def _failed(detail: str) -> closing.EndedError:
    return closing.EndedError(closing.UNREACHABLE, f'gateway: {detail}')
