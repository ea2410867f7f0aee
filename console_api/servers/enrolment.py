# SPDX-License-Identifier: Apache-2.0
"""Which hosts may have an agent: those that the operator has enrolled.

A host is enrolled with a word, which its agent says once, together with the
key of the host. From then on the host is known by that key.
"""

import dataclasses
import hashlib
import re
import secrets

from oslo_log import log as logging
from oslo_utils import timeutils

from console_api import exception
from console_api.consoles import types
from console_api.db import agents as db_agents
from console_api.db import api as db_api
from console_api.db import enrolments as db_enrolments
from console_api.servers import hostkeys

LOG = logging.getLogger(__name__)

#: 192 bits: nobody guesses one, and it fits on a line.
_BYTES = 24
_WORD = re.compile(r'[A-Za-z0-9_-]{32}')


@dataclasses.dataclass(frozen=True)
class Entry:
    """What lets an agent in: the hash of its word, or that none is needed."""

    word_hash: str | None = None
    is_open: bool = False


def digest(word: object) -> str | None:
    """The SHA-256 of a word that came over the bus; None where none came.

    :raises BadRequest: that is no word
    """
    if word is None:
        return None
    if not isinstance(word, str) or not _WORD.fullmatch(word):
        raise exception.BadRequest('What an agent says is no word.')
    return hashlib.sha256(word.encode('ascii')).hexdigest()


def issue(database: db_api.Database, host: str, seconds: int) -> types.Secret:
    """A new word for the agent of this host, good for so many seconds.

    A word that the host had before is void.
    """
    word = secrets.token_urlsafe(_BYTES)
    word_hash = digest(word)
    assert word_hash is not None
    now = int(timeutils.utcnow_ts())
    record = db_enrolments.EnrolmentRecord(
        host, word_hash, enrolled_at=now, expires_at=now + seconds
    )
    database.write(lambda connection: db_enrolments.put(connection, record))
    return types.Secret(word)


def admit(
    connection: db_api.Connection,
    agent: db_agents.AgentRecord,
    entry: Entry,
) -> db_agents.AgentRecord | None:
    """What is known of the agent that speaks for this host.

    None: it is new, and stored as it is. An agent whose word is good has the
    host, by its own key and addresses, whatever had it before.

    :raises HostNotEnrolled: the host has no agent, and the word is no good
    :raises HostKeyRefused: the host is known by another key
    """
    known = db_agents.get(connection, agent.host)
    if _is_good(connection, agent.host, entry):
        LOG.info('The agent of %s said its word', agent.host)
        if known is not None:
            db_agents.rebind(connection, agent)
            return dataclasses.replace(
                known,
                instance=agent.instance,
                process=agent.process,
                addresses=agent.addresses,
                key_hash=agent.key_hash,
            )
    elif known is not None:
        _check(known, agent.key_hash, entry)
        return known
    elif not entry.is_open:
        raise exception.HostNotEnrolled(agent.host, _fault(entry))
    db_agents.add(connection, agent)
    return None


def _is_good(connection: db_api.Connection, host: str, entry: Entry) -> bool:
    if entry.word_hash is None:
        return False
    now = int(timeutils.utcnow_ts())
    return db_enrolments.use(connection, host, entry.word_hash, now)


def _check(known: db_agents.AgentRecord, key_hash: str, entry: Entry) -> None:
    try:
        hostkeys.check(known, key_hash)
    except exception.HostKeyRefused as exc:
        if entry.word_hash is None:
            raise
        # Who has set the host up anew wants to know of the word.
        raise exception.HostNotEnrolled(known.host, _fault(entry)) from exc


def _fault(entry: Entry) -> str:
    if entry.word_hash is None:
        return 'its agent has no word'
    return 'the word of its agent is wrong, was used or has expired'
