# SPDX-License-Identifier: Apache-2.0
"""The file with the key that this host is known by."""

import os
import re
import secrets
import stat

from console_api import exception
from console_api.consoles import types

#: 256 bits: nobody guesses one.
_BYTES = 32
_KEY = re.compile(rb'[A-Za-z0-9_-]{43}')
#: More than there may be, so that a longer file is seen to be no key.
_MOST = 64

#: A link is nobody's key, and a FIFO must not hold up the start.
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_MAKE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_MODE = 0o600
_OTHERS = 0o077

_ANEW = (
    'or remove it, start the agent, and run on a controller: '
    'console-api-manage agent forget HOST'
)


def load(path: str) -> types.Secret:
    """The key in this file; where there is none, a new one is put there.

    :raises ConfigurationError: it is not the secret of this process, or
        cannot be made; the message says what to do
    """
    try:
        try:
            return _read(path)
        except FileNotFoundError:
            _make(path)
            return _read(path)
    except OSError as exc:
        raise exception.ConfigurationError(
            f'there is no host key in {path}: {exc.strerror}. [agent] '
            'key_file must name a plain file in a directory that the user of '
            'the agent may write to.'
        ) from exc


def _read(path: str) -> types.Secret:
    descriptor = os.open(path, _READ)
    try:
        _check(path, os.fstat(descriptor))
        content = os.read(descriptor, _MOST).removesuffix(b'\n')
    finally:
        os.close(descriptor)
    if not _KEY.fullmatch(content):
        raise exception.ConfigurationError(
            f'{path} holds no host key: put back the one that was there, '
            f'{_ANEW}'
        )
    return types.Secret(content.decode('ascii'))


def _check(path: str, facts: os.stat_result) -> None:
    if not stat.S_ISREG(facts.st_mode):
        raise exception.ConfigurationError(
            f'{path} is no plain file: let [agent] key_file name another one'
        )
    if facts.st_uid != os.geteuid():
        raise exception.ConfigurationError(
            f'user {facts.st_uid} owns the host key {path}: give it to the '
            'user of the agent'
        )
    if facts.st_mode & _OTHERS:
        raise exception.ConfigurationError(
            f'others may use the host key {path}: chmod 600 if nobody has, '
            f'{_ANEW}'
        )


def _make(path: str) -> None:
    # Of two agents that start at once each finds the one key, whole.
    draft = f'{path}.{secrets.token_hex(8)}'
    descriptor = os.open(draft, _MAKE, _MODE)
    try:
        with open(descriptor, 'w', encoding='ascii') as file:
            file.write(f'{secrets.token_urlsafe(_BYTES)}\n')
            file.flush()
            os.fsync(descriptor)
        os.link(draft, path)
    except FileExistsError:
        return
    finally:
        os.unlink(draft)
