# SPDX-License-Identifier: Apache-2.0
"""Everything that the proxy serves over plain HTTP."""

from console_api.proxy import direct
from console_api.proxy import front as front_page
from console_api.proxy import request
from console_api.proxy import static


class Pages:
    """The pages and their files, and what is made for each request."""

    def __init__(
        self,
        files: static.StaticFiles,
        direct_files: direct.DirectFiles,
        front: front_page.FrontPage | None,
    ) -> None:
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
        if self._front is not None and head.path == front_page.PATH:
            return await front_page.respond(self._front)
        return self._files.respond(head)
