# SPDX-License-Identifier: Apache-2.0
"""What all sessions of one event loop share."""

import dataclasses
import ssl

from console_api.proxy import authority
from console_api.proxy import limits
from console_api.proxy import outlook
from console_api.proxy import readbuffer
from console_api.proxy import settings
from console_api.proxy import usage
from console_api.proxy import vigil
from console_api.proxy import wire


@dataclasses.dataclass(frozen=True)
class Services:
    """What all sessions of one event loop share."""

    settings: settings.Settings
    authority: authority.Authority
    buffer: readbuffer.ReadBuffer
    #: None where ``[vnc] auth_schemes`` does not ask for certificates.
    tls: ssl.SSLContext | None = None
    rounds: vigil.Rounds = dataclasses.field(default_factory=vigil.Rounds)
    places: limits.Limits = dataclasses.field(
        default_factory=lambda: limits.Limits(limits.Most())
    )
    #: The use of sessions that belong together.
    board: usage.Board = dataclasses.field(default_factory=usage.Board)
    #: Who is told of the sessions.
    told: outlook.Outlook = dataclasses.field(default_factory=outlook.Outlook)
    outbox: wire.Outbox = dataclasses.field(default_factory=wire.Outbox)
