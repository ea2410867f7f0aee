# SPDX-License-Identifier: Apache-2.0
"""Everything that the proxy serves over plain HTTP."""

from collections.abc import Awaitable
from collections.abc import Callable

from console_api.proxy import direct
from console_api.proxy import front as front_page
from console_api.proxy import request
from console_api.proxy import static

#: Where balancers ask, as they do at the API.
_HEALTH = '/healthcheck'


class Pages:
    """The pages and their files, and what is made for each request.

    ``ready`` says whether sessions are taken.
    """

    def __init__(
        self,
        files: static.StaticFiles,
        direct_files: direct.DirectFiles,
        front: front_page.FrontPage | None,
        ready: Callable[[], Awaitable[bool]],
    ) -> None:
        self._ready = ready
        self._files = files
        self._direct = direct_files
        self._front = front

    async def respond(
        self, head: request.Request, peer: str
    ) -> request.Response:
        """The answer to a request that is not for a WebSocket.

        ``peer`` is the client's address as text, for the log.
        """
        if self._direct.is_here(head.path):
            return await self._direct.respond(head, peer)
        if head.method not in ('GET', 'HEAD'):
            return self._files.respond(head)
        if head.path == _HEALTH:
            return await self._health()
        if self._front is not None and head.path == front_page.PATH:
            return await front_page.respond(self._front)
        return self._files.respond(head)

    async def _health(self) -> request.Response:
        """For anybody who asks: no cause, and no details."""
        if await self._ready():
            return static.words(200, 'OK\n')
        return static.words(503, 'unavailable\n')
