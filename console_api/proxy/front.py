# SPDX-License-Identifier: Apache-2.0
"""The list of servers that a proxy on one's own machine may show."""

import asyncio
from collections.abc import Mapping
from collections.abc import Sequence
import json
from typing import Protocol

from console_api.proxy import request

#: Where the front page finds what it needs, beside itself.
PATH = '/front.json'

_HEADERS = (
    ('Content-Type', 'application/json'),
    ('Cache-Control', 'no-store'),
    ('X-Content-Type-Options', 'nosniff'),
    ('Referrer-Policy', 'no-referrer'),
    ('Content-Security-Policy', "default-src 'none'; frame-ancestors 'none'"),
)


class FrontPage(Protocol):
    """What the front page needs to know of the API beside the proxy."""

    @property
    def api_url(self) -> str:
        """Scheme, host and port of the API; empty before it answers."""
        ...

    def consoles(self) -> Mapping[str, Sequence[str]]:
        """The console types that each server offers, by its id.

        May block: it is called in a thread.
        """
        ...


async def respond(front: FrontPage) -> request.Response:
    """The answer to ``PATH``; 503 before the API answers."""
    if not front.api_url:
        return request.Response(503, _HEADERS)
    offered = await asyncio.to_thread(front.consoles)
    consoles = {server: list(types) for server, types in offered.items()}
    document = {'api_url': front.api_url, 'consoles': consoles}
    return request.Response(200, _HEADERS, json.dumps(document).encode())
