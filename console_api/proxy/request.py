# SPDX-License-Identifier: Apache-2.0
"""HTTP/1.1 on an accepted connection, up to an upgrade.

Nothing of a request is put into a log or an error here: its target and its
headers carry tokens, and so do h11's messages about what is wrong with them.
"""

from collections.abc import Sequence
import dataclasses
import http

import h11

from console_api.proxy import head
from console_api.proxy import inbox

#: The most that the head of a request may take, in bytes.
MAX_HEAD = 16 * 1024

#: RFC 9110, 8.6; a 304 would have that of the content.
_WITHOUT_LENGTH = (204, 304)
_SWITCHING = 'HTTP/1.1 101 Switching Protocols'

Header = tuple[str, str]


class RequestError(Exception):
    """The request is answered with this status and nothing else."""

    def __init__(self, status: int, headers: Sequence[Header] = ()) -> None:
        super().__init__(status)
        self.status = status
        self.headers = tuple(headers)


@dataclasses.dataclass(frozen=True)
class Request:
    """The head of a request; ``path`` is as it came, without the query."""

    method: str
    path: str
    query: str = dataclasses.field(repr=False)
    fields: tuple[Header, ...] = dataclasses.field(repr=False)
    version: str = '1.1'

    def values(self, name: str) -> list[str]:
        """The value of each header field of this name, in lower case."""
        return [value for field, value in self.fields if field == name]

    def words(self, name: str) -> list[str]:
        """The members of a comma-separated header."""
        return [
            word.strip()
            for value in self.values(name)
            for word in value.split(',')
            if word.strip()
        ]

    def with_host(self, host: str) -> 'Request':
        """The same, asked of this host."""
        others = (field for field in self.fields if field[0] != 'host')
        return dataclasses.replace(self, fields=(('host', host), *others))

    @property
    def is_websocket(self) -> bool:
        """Whether the client asks for a WebSocket, rightly or not."""
        upgrades = self.words('upgrade')
        return any(word.lower() == 'websocket' for word in upgrades)


@dataclasses.dataclass(frozen=True)
class Response:
    """A whole response; the length is added by the connection."""

    status: int
    headers: tuple[Header, ...] = ()
    body: bytes = b''


class HttpConnection:
    """The requests of one client, one after the other."""

    def __init__(self, client: inbox.Inbox) -> None:
        self._inbox = client
        #: None until something has come that h11 is needed for.
        self._parser: h11.Connection | None = None
        #: What came with a head of the usual form, which h11 has not seen.
        self._unseen = b''
        self._behind = b''

    @property
    def has_begun(self) -> bool:
        """Whether a part of the next request has come."""
        parser = self._parser
        return parser is not None and bool(parser.trailing_data[0])

    @property
    def _h11(self) -> h11.Connection:
        if self._parser is None:
            self._parser = h11.Connection(
                h11.SERVER, max_incomplete_event_size=MAX_HEAD
            )
        return self._parser

    async def request(self) -> Request | None:
        """The next request; None when the client has ended.

        :raises RequestError: it is not HTTP, too long, or has a body
        """
        try:
            if self._parser is None:
                data = await self._inbox.read()
                usual = head.parse(data)
                if usual is not None:
                    self._unseen = data
                    self._behind = data[usual.size :]
                    return _get(usual)
                self._h11.receive_data(data)
            event = await self._event()
            if not isinstance(event, h11.Request):
                return None
            request = _request(event)
            if not isinstance(await self._event(), h11.EndOfMessage):
                raise RequestError(413, [('Connection', 'close')])
        except h11.RemoteProtocolError as exc:
            raise RequestError(
                exc.error_status_hint, [('Connection', 'close')]
            ) from None
        return request

    def respond(self, response: Response, *, head_only: bool = False) -> bool:
        """Send a response; returns whether another request may follow."""
        self._show()
        headers = [*response.headers]
        if response.status not in _WITHOUT_LENGTH:
            headers.append(('Content-Length', str(len(response.body))))
        body = b'' if head_only else response.body
        events: list[h11.Event] = [
            h11.Response(
                status_code=response.status,
                headers=headers,
                reason=http.HTTPStatus(response.status).phrase,
            )
        ]
        if body:
            events.append(h11.Data(data=body))
        events.append(h11.EndOfMessage())
        for event in events:
            data = self._h11.send(event)
            if data:
                self._inbox.wire.write(data)
        states = self._h11.states
        if states != {h11.CLIENT: h11.DONE, h11.SERVER: h11.DONE}:
            return False
        self._h11.start_next_cycle()
        return True

    def upgrade(self, headers: Sequence[Header]) -> bytes:
        """Answer 101; returns what the client has sent behind its request."""
        lines = [_SWITCHING, *(f'{name}: {text}' for name, text in headers)]
        self._inbox.wire.write('\r\n'.join([*lines, '', '']).encode('ascii'))
        if self._parser is None:
            return self._behind
        trailing, _ = self._parser.trailing_data
        return bytes(trailing)

    def _show(self) -> None:
        """Let h11 see what it has been spared."""
        if self._unseen:
            self._h11.receive_data(self._unseen)
            self._unseen = b''
            self._h11.next_event()
            self._h11.next_event()

    async def _event(self) -> h11.Event | type[h11.PAUSED]:
        while (event := self._h11.next_event()) is h11.NEED_DATA:
            self._h11.receive_data(await self._inbox.read())
        assert not isinstance(event, type) or event is h11.PAUSED
        return event


def _get(usual: head.Head) -> Request:
    path, _, query = usual.target.partition('?')
    return Request('GET', path, query, usual.fields)


def _request(event: h11.Request) -> Request:
    target = event.target.decode('latin-1')
    # Balancers ask for the options of the server itself, too.
    whole = target == '*' and event.method == b'OPTIONS'
    if not (target.startswith('/') or whole):
        # An absolute target: this is no forward proxy.
        raise RequestError(400, [('Connection', 'close')])
    path, _, query = target.partition('?')
    fields = tuple(
        (name.decode('ascii'), value.decode('latin-1'))
        for name, value in event.headers
    )
    return Request(
        event.method.decode('ascii'),
        path,
        query,
        fields,
        event.http_version.decode('ascii'),
    )
