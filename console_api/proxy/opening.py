# SPDX-License-Identifier: Apache-2.0
"""The request for a WebSocket, until it is answered."""

import dataclasses

from console_api.proxy import channel
from console_api.proxy import closing
from console_api.proxy import inbox
from console_api.proxy import limits
from console_api.proxy import request
from console_api.proxy import upgrade
from console_api.proxy.ws import receiver


@dataclasses.dataclass(frozen=True)
class Opening:
    """A client that waits for the answer to its request for a WebSocket."""

    client: inbox.Inbox
    peer: str
    http: request.HttpConnection
    wanted: upgrade.Upgrade
    #: What the answer carries besides, whatever it is.
    extra: list[request.Header] = dataclasses.field(
        default_factory=list, repr=False
    )

    def accept(
        self, reader: receiver.Receiver | None = None
    ) -> channel.Channel:
        """Answer 101; ``reader`` reads the client, if not as usual."""
        early = self.http.upgrade([*self.wanted.headers(), *self.extra])
        return channel.Channel(self.client, early, reader)

    def refuse(self, ending: closing.Ending) -> None:
        """Answer with an HTTP error without a body."""
        headers = [('Connection', 'close'), *self.extra]
        if ending.status == 503:
            headers.append(('Retry-After', str(limits.RETRY_AFTER)))
        self.http.respond(request.Response(ending.status, tuple(headers)))
