# SPDX-License-Identifier: Apache-2.0
"""Whether what speaks for a host is its agent: by the key of the host."""

import hashlib
import hmac
import re

from console_api import exception
from console_api.db import agents as db_agents
from console_api.db import api as db_api

#: 32 random bytes as URL-safe text.
_KEY = re.compile(r'[A-Za-z0-9_-]{43}')


def digest(host: str, key: object) -> str:
    """The SHA-256 of a key that came over the bus for a host.

    :raises HostNotEnrolled: none came
    :raises BadRequest: that is no key
    """
    if key is None:
        raise exception.HostNotEnrolled(host, 'what speaks for it has no key')
    if not isinstance(key, str) or not _KEY.fullmatch(key):
        raise exception.BadRequest('What an agent has is no host key.')
    return hashlib.sha256(key.encode('ascii')).hexdigest()


def admit(
    connection: db_api.Connection, host: str, key_hash: str
) -> db_agents.AgentRecord:
    """The agent that speaks for this host, in one indexed read.

    :raises HostNotEnrolled: the host has no agent yet
    :raises HostKeyRefused: the host is known by another key
    """
    known = db_agents.get(connection, host)
    if known is None:
        raise exception.HostNotEnrolled(host, 'its agent was not let in')
    check(known, key_hash)
    return known


def check(known: db_agents.AgentRecord, key_hash: str) -> None:
    """Return if this is the key that the host is known by.

    :raises HostKeyRefused: it is not
    """
    if not hmac.compare_digest(known.key_hash, key_hash):
        raise exception.HostKeyRefused(known.host)
