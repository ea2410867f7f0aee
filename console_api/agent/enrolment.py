# SPDX-License-Identifier: Apache-2.0
"""The word that the operator has given this host, to be let in with."""

import os
import re
import stat

from oslo_log import log as logging

from console_api.consoles import types

LOG = logging.getLogger(__name__)

_WORD = re.compile(rb'[A-Za-z0-9_-]{32}')
#: More than there may be, so that a longer file is seen to be no word.
_MOST = 64
#: A FIFO must not hold up the agent; a link is what some tools put there.
_READ = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC


def word(path: str) -> types.Secret | None:
    """The word in this file; None where there is none."""
    try:
        content = _read(path)
    except FileNotFoundError:
        return None
    except OSError as exc:
        LOG.error('The word of this host is not read: %s', exc)
        return None
    if not _WORD.fullmatch(content):
        LOG.error(
            '%s holds no word of console-api-manage agent enrol: one line of '
            '32 characters',
            path,
        )
        return None
    return types.Secret(content.decode('ascii'))


def _read(path: str) -> bytes:
    descriptor = os.open(path, _READ)
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            return b''
        return os.read(descriptor, _MOST).strip()
    finally:
        os.close(descriptor)
