# SPDX-License-Identifier: Apache-2.0
"""A small HTTP server in threads: a process tells how it is.

It reads no body, answers one request a connection, and gives each connection
a few seconds, whatever its client does.
"""

from collections.abc import Callable
from collections.abc import Iterator
from collections.abc import Sequence
import contextlib
import dataclasses
import errno
import functools
import http.server
import socket
import socketserver
import threading
import time
from typing import Any

from oslo_config import cfg
from oslo_log import log as logging

from console_api import exception
from console_api import threads

LOG = logging.getLogger(__name__)

#: Connections that are served at once; more are closed.
MOST = 16
#: Seconds for a whole connection.
_PATIENCE = 10.0
#: Seconds that another process has to answer in.
_SIBLING_PATIENCE = 3.0
#: How often the clock is looked at, in seconds.
_TURN = 0.5
#: More than all figures of a process.
_LONGEST = 4 * 1024 * 1024
_BACKLOG = 64
_ALLOW = ('Allow', 'GET, HEAD, OPTIONS')
_EXHAUSTED = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)


@dataclasses.dataclass(frozen=True)
class Answer:
    """What is said at one path."""

    status: int
    media_type: str = 'text/plain'
    body: bytes = b''


#: The answer to a GET of this path; None where there is nothing.
Respond = Callable[[str], Answer | None]


class StatusServer:
    """Serves listening sockets, which belong to somebody else."""

    def __init__(self, sockets: list[socket.socket], respond: Respond) -> None:
        self._servers = [_Server(sock, respond) for sock in sockets]
        self._threads = [
            threads.Supervised(
                'status', functools.partial(server.serve_forever, _TURN)
            )
            for server in self._servers
        ]

    def start(self) -> None:
        """Serve until ``stop``."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Serve no more; what is under way is cut off."""
        for server, thread in zip(self._servers, self._threads, strict=True):
            if thread.ident is not None:
                server.shutdown()
                thread.join()
            server.cut(float('inf'))


class _Server(socketserver.ThreadingMixIn, socketserver.TCPServer):
    daemon_threads = True
    block_on_close = False

    def __init__(self, sock: socket.socket, respond: Respond) -> None:
        super().__init__(sock.getsockname(), _Handler, bind_and_activate=False)
        # The one that was made for it.
        self.socket.close()
        self.socket = sock
        self.respond = respond
        self._lock = threading.Lock()
        self._began: dict[Any, float] = {}

    def get_request(self) -> tuple[socket.socket, Any]:
        try:
            sock, address = self.socket.accept()
        except OSError as exc:
            if exc.errno in _EXHAUSTED:
                # The connection still waits: it would be tried at once.
                time.sleep(_TURN)
            raise
        # It may be the listener's.
        sock.setblocking(True)
        return sock, address

    def process_request(self, request: Any, client_address: Any) -> None:
        with self._lock:
            full = len(self._began) >= MOST
            if not full:
                self._began[request] = time.monotonic()
        if full:
            self.shutdown_request(request)
        else:
            super().process_request(request, client_address)

    def close_request(self, request: Any) -> None:
        with self._lock:
            self._began.pop(request, None)
        super().close_request(request)

    def service_actions(self) -> None:
        self.cut(time.monotonic() - _PATIENCE)

    def cut(self, before: float) -> None:
        """End connections that began before then."""
        with self._lock:
            late = [s for s, began in self._began.items() if began < before]
        for sock in late:
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: Any, client_address: Any) -> None:
        del request, client_address
        # Mostly a client that went away.
        LOG.debug('A question about the state was not answered', exc_info=True)


class _Handler(http.server.BaseHTTPRequestHandler):
    timeout = _PATIENCE
    server: _Server

    def do_GET(self) -> None:
        try:
            answer = self.server.respond(self.path.partition('?')[0])
        except Exception:  # the client is told, whatever it is
            LOG.exception('A page of the state failed')
            answer = Answer(500)
        self._send(answer or Answer(404))

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_OPTIONS(self) -> None:
        self._send(Answer(204))

    def send_error(self, code: int, *words: Any, **more: Any) -> None:
        del words, more
        # Without what the client sent.
        self._send(Answer(405 if code == 501 else code))

    def log_message(self, format: str, *arguments: Any) -> None:
        del format, arguments

    def _send(self, answer: Answer) -> None:
        self.close_connection = True
        if self.request_version == 'HTTP/0.9':
            self.request_version = 'HTTP/1.0'
        self.send_response_only(answer.status)
        if answer.status in (204, 405):
            self.send_header(*_ALLOW)
        if answer.status != 204:
            self.send_header('Content-Type', answer.media_type)
            self.send_header('Content-Length', str(len(answer.body)))
        self.send_header('Connection', 'close')
        self.send_header('Cache-Control', 'no-store')
        self.send_header('X-Content-Type-Options', 'nosniff')
        self.end_headers()
        if self.command != 'HEAD':
            self.wfile.write(answer.body)


def listen(host: str, port: int) -> list[socket.socket]:
    """Listen at each address of the host.

    :raises OSError: one of them cannot be listened on
    """
    with contextlib.ExitStack() as stack:
        found = []
        for family, kind, _, _, address in socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        ):
            sock = stack.enter_context(socket.socket(family, kind))
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family == socket.AF_INET6:
                sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            # Several processes may wait for the one connection.
            sock.setblocking(False)
            sock.bind(address)
            sock.listen(_BACKLOG)
            found.append(sock)
        stack.pop_all()
    return found


def listen_within() -> socket.socket:
    """Listen where the other processes of this service ask.

    It has a name in this network namespace alone, and tells no more than the
    address for all.
    """
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    sock.setblocking(False)
    # unix(7), autobind: a name that no file stands for, and none is left.
    sock.bind('')
    sock.listen(_BACKLOG)
    return sock


def ask(door: socket.socket, path: str) -> bytes | None:
    """What another process answers at its socket; None if not in time."""
    end = time.monotonic() + _SIBLING_PATIENCE
    data = bytearray()
    with (
        contextlib.suppress(OSError),
        socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock,
    ):
        sock.settimeout(_SIBLING_PATIENCE)
        sock.connect(door.getsockname())
        sock.sendall(f'GET {path} HTTP/1.0\r\n\r\n'.encode())
        while chunk := sock.recv(65536):
            data += chunk
            sock.settimeout(max(end - time.monotonic(), 0.001))
            if len(data) > _LONGEST:
                return None
        head, end_of_head, body = bytes(data).partition(b'\r\n\r\n')
        return body if end_of_head and b' 200 ' in head[:13] else None
    return None


@dataclasses.dataclass(frozen=True)
class Place:
    """Where one of several workers tells of itself, if anywhere.

    ``shared`` are listening sockets of all workers, ``doors`` those at which
    each answers the others: its own is at ``index``.
    """

    shared: Sequence[socket.socket] = ()
    doors: Sequence[socket.socket] = ()
    index: int = 0

    @classmethod
    @contextlib.contextmanager
    def open(
        cls, conf: cfg.ConfigOpts, group: str, count: int = 1
    ) -> 'Iterator[Place]':
        """That of the first of so many workers, as the group of options says.

        :raises ConfigurationError: the address cannot be listened on
        """
        host, port = conf[group].host, conf[group].port
        with contextlib.ExitStack() as stack:
            if port is None:
                yield cls()
                return
            try:
                shared = listen(host, port)
            except OSError as exc:
                raise exception.ConfigurationError(
                    f'[{group}] cannot listen on {host} port {port}: '
                    f'{exc.strerror}'
                ) from exc
            for sock in shared:
                stack.enter_context(sock)
            doors = [
                stack.enter_context(listen_within())
                for _ in range(count if count > 1 else 0)
            ]
            yield cls(shared, doors)
