# SPDX-License-Identifier: Apache-2.0
"""Where one asks how the proxy is: metrics, health and readiness."""

import asyncio
from collections.abc import Callable
from collections.abc import Mapping
import json
from typing import Any

from console_api.proxy import doors
from console_api.proxy import lookups
from console_api.proxy import metrics
from console_api.proxy import post as posts
from console_api.proxy import readbuffer
from console_api.proxy import request

_HEADERS = (
    ('Connection', 'close'),
    ('Cache-Control', 'no-store'),
    ('X-Content-Type-Options', 'nosniff'),
)
_SILENT = ['it does not answer']


#: What a worker is asked by the one that answers for all.
_FIGURES = '/figures'
_ALIVE = '/alive'
_READY = '/ready'


class Status:
    """Answers for one worker, and at the common address for all of them.

    ``reasons`` are what keeps the worker from taking sessions, apart from
    the authority; none while it takes them.
    """

    def __init__(
        self,
        post: posts.Post,
        figures: metrics.Metrics,
        asked: lookups.Lookups,
        reasons: Callable[[], list[str]],
    ) -> None:
        self._post = post
        self._figures = figures
        self._lookups = asked
        self._reasons = reasons
        self._doors: list[doors.Door] = []

    def start(self, buffer: readbuffer.ReadBuffer) -> None:
        """Answer until ``stop``."""
        post = self._post
        self._doors = [
            doors.Door(sock, buffer, self._for_all) for sock in post.status
        ]
        if post.doors:
            own = post.doors[post.index]
            self._doors.append(doors.Door(own, buffer, self._for_sibling))
        for door in self._doors:
            door.open()

    async def stop(self) -> None:
        """Answer no more."""
        for door in self._doors:
            await door.close()

    async def _for_all(self, path: str) -> request.Response | None:
        page = _PAGES.get(path)
        if page is None:
            return None
        kind, make = page
        others = [i for i, _ in enumerate(self._post.doors)]
        answers = await asyncio.gather(
            *(self._answer(index, kind) for index in others or [0])
        )
        return make(dict(enumerate(answers)))

    async def _answer(self, index: int, kind: str) -> Any:
        """What this worker says; None if it says nothing."""
        if index == self._post.index:
            return await self._own(kind)
        data = await doors.ask(self._post.doors[index], kind)
        return None if data is None else json.loads(data)

    async def _for_sibling(self, path: str) -> request.Response | None:
        answer = json.dumps(await self._own(path)).encode()
        return request.Response(200, _HEADERS, answer)

    async def _own(self, kind: str) -> Any:
        if kind == _FIGURES:
            return self._figures.families()
        if kind == _ALIVE:
            return {'alive': True}
        reasons = self._reasons()
        # One that does not take sessions anyhow has no use for the answer.
        if not reasons and not await self._lookups.can_be_reached():
            reasons = ['the authority does not answer']
        return {'ready': not reasons, 'reasons': reasons}


def _metrics(answers: Mapping[int, Any]) -> request.Response:
    return request.Response(
        200,
        (*_HEADERS, ('Content-Type', metrics.CONTENT_TYPE)),
        metrics.exposition(answers),
    )


def _health(answers: Mapping[int, Any]) -> request.Response:
    workers = {
        index: answer or {'alive': False, 'reasons': _SILENT}
        for index, answer in answers.items()
    }
    alive = all(answer is not None for answer in answers.values())
    return _document(alive, 'alive', workers)


def _readiness(answers: Mapping[int, Any]) -> request.Response:
    workers = {
        index: answer or {'ready': False, 'reasons': _SILENT}
        for index, answer in answers.items()
    }
    # The others take the sessions while one is replaced.
    ready = any(answer['ready'] for answer in workers.values())
    return _document(ready, 'ready', workers)


def _document(
    good: bool, word: str, workers: Mapping[int, object]
) -> request.Response:
    body = json.dumps({word: good, 'workers': workers}, indent=1) + '\n'
    return request.Response(
        200 if good else 503,
        (*_HEADERS, ('Content-Type', 'application/json')),
        body.encode(),
    )


_Maker = Callable[[Mapping[int, Any]], request.Response]
_PAGES: Mapping[str, tuple[str, _Maker]] = {
    '/metrics': (_FIGURES, _metrics),
    '/healthz': (_ALIVE, _health),
    '/readyz': (_READY, _readiness),
    '/healthcheck': (_READY, _readiness),
}
