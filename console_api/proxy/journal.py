# SPDX-License-Identifier: Apache-2.0
"""What is told about a session: whose it is, how it ended, never a token."""

import logging
import time
import traceback
import uuid

from console_api.consoles import types
from console_api.proxy import closing

LOG = logging.getLogger(__name__)


class Journal:
    """Tells of one session of the client at ``peer``."""

    __slots__ = ('_peer', '_started', 'id')

    def __init__(self, peer: str) -> None:
        self.id = uuid.uuid4().hex[:12]
        self._peer = peer
        self._started = time.monotonic()

    def begins(self, grant: types.ConsoleGrant) -> None:
        """It is known whose session this is."""
        LOG.info(
            'Session %s: %s console of server %s for user %s of project %s '
            'from %s',
            self.id,
            grant.console_type,
            grant.server_id,
            grant.user_id,
            grant.project_id,
            self._peer,
        )

    def ends(
        self, ended: closing.EndedError, from_guest: int, from_client: int
    ) -> None:
        """It is over; so many bytes were carried."""
        LOG.info(
            'Session %s from %s ended after %.3f s: %s%s; %d bytes from the '
            'guest, %d from the client',
            self.id,
            self._peer,
            time.monotonic() - self._started,
            ended.ending.text,
            f' ({ended.detail})' if ended.detail else '',
            from_guest,
            from_client,
        )

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
