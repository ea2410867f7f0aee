# SPDX-License-Identifier: Apache-2.0
"""Whether what speaks for a host is its agent: by the key of the host."""

import dataclasses
import hashlib
import hmac
import re

from oslo_log import log as logging

from console_api import exception
from console_api.db import agents as db_agents
from console_api.db import api as db_api

LOG = logging.getLogger(__name__)

#: 32 random bytes as URL-safe text.
_KEY = re.compile(r'[A-Za-z0-9_-]{43}')


def digest(key: object) -> str | None:
    """The SHA-256 of a key that came over the bus; None where none came.

    :raises BadRequest: that is no key
    """
    if key is None:
        return None
    if not isinstance(key, str) or not _KEY.fullmatch(key):
        raise exception.BadRequest('What an agent has is no host key.')
    return hashlib.sha256(key.encode('ascii')).hexdigest()


def admit(
    connection: db_api.Connection, host: str, key_hash: str | None
) -> db_agents.AgentRecord | None:
    """What is known of the agent of this host, in one indexed read.

    The first key that comes for a known host is the one that it is known by
    from then on. A host that has none yet, since its agent is of an older
    release, is spoken for without one.

    :raises HostKeyRefused: the host is known by another key
    """
    known = db_agents.get(connection, host)
    if known is None:
        return None
    if known.key_hash is None:
        if key_hash is None:
            return known
        db_agents.add_key(connection, host, key_hash)
        return dataclasses.replace(known, key_hash=key_hash)
    if key_hash is None or not hmac.compare_digest(known.key_hash, key_hash):
        LOG.error(
            'What speaks for host %(host)s has %(what)s and is refused. If '
            'the host was set up anew: console-api-manage agent forget '
            '%(host)s',
            {
                'host': host,
                'what': 'no key' if key_hash is None else 'another key',
            },
        )
        raise exception.HostKeyRefused(host)
    return known
