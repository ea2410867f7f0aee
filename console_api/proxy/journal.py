# SPDX-License-Identifier: Apache-2.0
"""What is told about a session: whose it is, how it ended, never a token."""

from collections.abc import Mapping
import json
import logging
import re
import time
import traceback
import uuid

from console_api.consoles import types
from console_api.proxy import closing
from console_api.proxy import outlook
from console_api.proxy import relay

LOG = logging.getLogger(__name__)

#: What needs no quotes in a line of names and values.
_PLAIN = re.compile(r'[A-Za-z0-9._:@/+\[\]-]+', re.ASCII)
#: The most of one value that goes into a line.
_LONGEST = 300


class Journal:
    """Tells of one session of the client at ``peer``."""

    __slots__ = (
        '_outlook',
        '_peer',
        '_project',
        '_server',
        '_started',
        '_type',
        '_user',
        '_view_only',
        'id',
    )

    def __init__(self, peer: str, told: outlook.Outlook) -> None:
        self.id = uuid.uuid4().hex[:12]
        self._outlook = told
        self._peer = peer
        self._started = time.monotonic()
        #: None until it is known whose session this is.
        self._type: str | None = None
        self._server: str | None = None
        self._user: str | None = None
        self._project: str | None = None
        self._view_only: bool | None = None

    def begins(self, grant: types.ConsoleGrant) -> None:
        """It is known whose session this is."""
        self._type = grant.console_type
        self._server = grant.server_id
        self._user = grant.user_id
        self._project = grant.project_id
        self._view_only = grant.view_only
        self._outlook.counted.start(grant.console_type)
        self._tell('start', self._facts())

    def carries(self, carried: relay.Relay) -> None:
        """Data flows."""
        if self._type is not None:
            self._outlook.counted.carry(self._type, carried)

    def ends(
        self, ended: closing.EndedError, carried: relay.Relay | None
    ) -> None:
        """It is over; ``carried`` knows how many bytes were carried."""
        facts = self._facts() | {
            'reason': closing.name_of(ended.ending),
            'seconds': round(time.monotonic() - self._started, 3),
            'bytes_from_guest': carried.guest.count if carried else 0,
            'bytes_from_client': carried.client.count if carried else 0,
            'text': ended.ending.text,
            'detail': ended.detail or None,
        }
        if self._type is None:
            self._outlook.counted.refuse(ended.ending)
        else:
            self._outlook.counted.end(self._type, ended.ending, carried)
        self._tell('end', facts)

    def crashes(self, exc: Exception) -> None:
        """It met an error of ours."""
        # The message of an unknown error may hold the token; the places in
        # the code that it went through do not.
        LOG.error(
            'Session %s failed with %s:\n%s',
            self.id,
            type(exc).__name__,
            ''.join(traceback.format_tb(exc.__traceback__)),
        )

    def _facts(self) -> dict[str, object]:
        return {
            'session': self.id,
            'type': self._type,
            'server': self._server,
            'user': self._user,
            'project': self._project,
            'client': self._peer,
            'view_only': self._view_only,
        }

    def _tell(self, what: str, facts: Mapping[str, object]) -> None:
        event = f'console.session.{what}'
        # ``extra`` of a record is what oslo.log's JSON formatter looks for.
        LOG.info(
            '%s %s',
            event,
            line(facts),
            extra={'extra': {'event': event, **facts}},
        )
        if self._type is not None and self._outlook.announcer is not None:
            self._outlook.announcer.announce(event, facts)


def line(facts: Mapping[str, object]) -> str:
    """Names and values on one line, whatever is in the values."""
    return ' '.join(f'{name}={quoted(facts[name])}' for name in facts)


def quoted(value: object) -> str:
    """A value that ends no line and no field, at most 300 characters of it.

    Text in quotes is JSON in ASCII.
    """
    if value is None:
        return '-'
    text = str(value).lower() if isinstance(value, bool) else str(value)
    if _PLAIN.fullmatch(text) and len(text) <= _LONGEST:
        return text
    # JSON leaves DEL as it is.
    return json.dumps(text[:_LONGEST]).replace('\x7f', '\\u007f')
