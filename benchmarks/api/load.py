# SPDX-License-Identifier: Apache-2.0
"""A number of clients, each with one request at a time under way.

The client is as small as it can be, for it takes its processor time from the
service that it measures.
"""

from collections.abc import Mapping
import dataclasses
import itertools
import json
import re
import socket
import threading
import time
from typing import Any

#: Seconds until a client gives an answer up.
_PATIENCE = 60
_LENGTH = re.compile(rb'\r\ncontent-length: *([0-9]+)', re.IGNORECASE)
_CLOSE = re.compile(rb'\r\nconnection: *close', re.IGNORECASE)


@dataclasses.dataclass(frozen=True)
class Request:
    """What each client sends again and again."""

    method: str
    path: str
    body: Any = None
    headers: Mapping[str, str] = dataclasses.field(default_factory=dict)

    def message(self, host: str, port: int) -> bytes:
        """The request as it is sent."""
        body = b'' if self.body is None else json.dumps(self.body).encode()
        headers = {'Host': f'{host}:{port}', **self.headers}
        if body:
            headers['Content-Type'] = 'application/json'
            headers['Content-Length'] = str(len(body))
        lines = [f'{self.method} {self.path} HTTP/1.1']
        lines += [f'{name}: {value}' for name, value in headers.items()]
        return '\r\n'.join([*lines, '', '']).encode() + body


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
    client = _Client(host, port)
    try:
        status, body = client.exchange(request.message(host, port))
    finally:
        client.close()
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
    message = request.message(host, port)
    began = time.perf_counter()

    def work() -> None:
        client = _Client(host, port)
        while (
            next(tickets) < limits.requests
            and time.perf_counter() - began < limits.seconds
        ):
            start = time.perf_counter()
            try:
                outcome = str(client.exchange(message)[0])
            except (OSError, ValueError) as exc:
                outcome = type(exc).__name__
                client.close()
            took = time.perf_counter() - start
            with lock:
                if outcome == '200':
                    result.latencies.append(took)
                else:
                    result.errors[outcome] = result.errors.get(outcome, 0) + 1
        client.close()

    threads = [threading.Thread(target=work) for _ in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    result.wall = time.perf_counter() - began
    return result


class _Client:
    """A connection to a server that is opened again where it was closed."""

    def __init__(self, host: str, port: int) -> None:
        self._address = (host, port)
        self._socket: socket.socket | None = None
        # uWSGI closes each connection and need not say so.
        self._keeps = True

    def exchange(self, message: bytes) -> tuple[int, bytes]:
        """Status and body of the answer to one request.

        :raises OSError: the connection failed, or ended too early
        :raises ValueError: the answer is not HTTP
        """
        if self._socket is None:
            return self._ask(message)
        try:
            return self._ask(message)
        except ConnectionError:
            self._keeps = False
            self.close()
            return self._ask(message)

    def _ask(self, message: bytes) -> tuple[int, bytes]:
        if self._socket is None:
            self._socket = socket.create_connection(self._address, _PATIENCE)
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket.sendall(message)
        data = b''
        while b'\r\n\r\n' not in data:
            data += self._receive()
        head, _, body = data.partition(b'\r\n\r\n')
        length = _LENGTH.search(head)
        if length is None:
            raise ValueError('an answer without a length')
        while len(body) < int(length[1]):
            body += self._receive()
        if not self._keeps or _CLOSE.search(head):
            self.close()
        return int(head.split(b' ', 2)[1]), body

    def _receive(self) -> bytes:
        assert self._socket is not None
        data = self._socket.recv(65536)
        if not data:
            raise ConnectionResetError
        return data

    def close(self) -> None:
        """Close the connection, if there is one."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None
