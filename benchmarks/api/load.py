# SPDX-License-Identifier: Apache-2.0
"""A number of clients, each with one request at a time under way."""

from collections.abc import Mapping
import dataclasses
import http.client
import itertools
import json
import threading
import time
from typing import Any


@dataclasses.dataclass(frozen=True)
class Request:
    """What each client sends again and again."""

    method: str
    path: str
    body: Any = None
    headers: Mapping[str, str] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass
class Result:
    """Seconds until each good answer, and what went wrong otherwise."""

    wall: float = 0.0
    latencies: list[float] = dataclasses.field(default_factory=list)
    errors: dict[str, int] = dataclasses.field(default_factory=dict)

    @property
    def rate(self) -> float:
        """Good answers a second."""
        return len(self.latencies) / self.wall

    def percentile(self, part: float) -> float | None:
        """The latency that this part of the answers did not exceed."""
        if not self.latencies:
            return None
        ordered = sorted(self.latencies)
        return ordered[min(len(ordered) - 1, int(part * len(ordered)))]


@dataclasses.dataclass(frozen=True)
class Limits:
    """When a run ends: whatever comes first."""

    requests: int
    seconds: float


def send(host: str, port: int, request: Request) -> Any:
    """What the service answers to one request, as JSON.

    :raises RuntimeError: the status is not 200
    """
    connection = http.client.HTTPConnection(host, port, timeout=60)
    try:
        status, body = _exchange(connection, request)
    finally:
        connection.close()
    if status != 200:
        raise RuntimeError(f'{request.path}: {status} {body!r}')
    return json.loads(body)


def run(
    host: str, port: int, request: Request, clients: int, limits: Limits
) -> Result:
    """Send the request with so many clients until a limit is met."""
    result = Result()
    lock = threading.Lock()
    tickets = itertools.count()
    began = time.perf_counter()

    def client() -> None:
        connection = http.client.HTTPConnection(host, port, timeout=60)
        while (
            next(tickets) < limits.requests
            and time.perf_counter() - began < limits.seconds
        ):
            start = time.perf_counter()
            try:
                status, _ = _exchange(connection, request)
                outcome = str(status)
            except (OSError, http.client.HTTPException) as exc:
                outcome = type(exc).__name__
                connection.close()
            took = time.perf_counter() - start
            with lock:
                if outcome == '200':
                    result.latencies.append(took)
                else:
                    result.errors[outcome] = result.errors.get(outcome, 0) + 1
        connection.close()

    threads = [threading.Thread(target=client) for _ in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    result.wall = time.perf_counter() - began
    return result


def _exchange(
    connection: http.client.HTTPConnection, request: Request
) -> tuple[int, bytes]:
    body = None if request.body is None else json.dumps(request.body)
    headers = dict(request.headers)
    if body is not None:
        headers['Content-Type'] = 'application/json'
    connection.request(request.method, request.path, body, headers)
    answer = connection.getresponse()
    return answer.status, answer.read()
