# SPDX-License-Identifier: Apache-2.0
"""How many sessions there may be: in all, for a client and at a server."""

import collections
import dataclasses
import ipaddress
import math

from console_api.proxy import closing

#: Seconds after which one who was refused may try again.
RETRY_AFTER = 5
#: What one is told then.
REACHED = (closing.FULL, closing.CLIENT_FULL, closing.SERVER_FULL)
#: Of a process's descriptors, those that the sessions of one client or of one
#: server may take: a half and a quarter. A session takes two.
_PER_CLIENT = 2 * 2
_PER_SERVER = 4 * 2
#: What a connection beyond the limit is told, before anything of it is read.
REFUSAL = (
    'HTTP/1.1 503 Service Unavailable\r\n'
    f'Retry-After: {RETRY_AFTER}\r\n'
    'Content-Length: 0\r\nConnection: close\r\n\r\n'
).encode('ascii')


@dataclasses.dataclass(frozen=True)
class Most:
    """The limits of one process; infinite where there is none."""

    sessions: float = math.inf
    per_server: float = math.inf
    per_client: float = math.inf
    handshakes: float = math.inf
    #: Of one client address, as the socket has it.
    handshakes_per_client: float = math.inf

    def within(self, descriptors: int) -> 'Most':
        """The same, or less where a process may open so few descriptors.

        A limit that was switched off stays off.
        """
        return dataclasses.replace(
            self,
            per_client=_share(self.per_client, descriptors // _PER_CLIENT),
            per_server=_share(self.per_server, descriptors // _PER_SERVER),
            handshakes_per_client=_share(
                self.handshakes_per_client, descriptors // _PER_CLIENT
            ),
        )


class Limits:
    """Counts the sessions of one process."""

    def __init__(self, most: Most) -> None:
        self.most = most
        #: Requests whose token is being looked up.
        self.waiting = 0
        #: Sessions whose token was accepted.
        self.sessions = 0
        #: Of each client, both; by network, as ``_network`` has it.
        self.clients: collections.Counter[str] = collections.Counter()
        self.servers: collections.Counter[str] = collections.Counter()
        #: Connections, of whatever kind, by the network that they come from.
        self.connections: collections.Counter[str] = collections.Counter()

    def is_crowded(self, handshakes: int, host: str | None) -> bool:
        """Whether no connection can be taken, or none from this address.

        There are so many ``handshakes`` now; None is an address that all may
        have.
        """
        if handshakes >= self.most.handshakes:
            return True
        if host is None:
            return False
        network = _network(host)
        others = self.connections[network] - self.clients[network]
        return others >= self.most.handshakes_per_client

    def come(self, host: str) -> None:
        """A connection from this address was taken."""
        self.connections[_network(host)] += 1

    def go(self, host: str) -> None:
        """One of them is over."""
        _count_down(self.connections, _network(host))

    def seat(self, client: str) -> 'Seat':
        """A place for a session of this client address.

        One of IPv6 is in brackets.

        :raises EndedError: there is none
        """
        if self.sessions >= self.most.sessions:
            raise closing.EndedError(closing.FULL, 'of the process')
        network = _network(client)
        if self.clients[network] >= self.most.per_client:
            raise closing.EndedError(closing.CLIENT_FULL)
        return Seat(self, network)


class Seat:
    """The place of one session.

    Until it is said at which server that is, the place counts for the client
    alone: whoever has no good token takes none from those who have one.
    """

    __slots__ = ('_client', '_limits', '_server')

    def __init__(self, limits: Limits, client: str) -> None:
        self._limits = limits
        self._client = client
        self._server: str | None = None
        limits.waiting += 1
        limits.clients[client] += 1

    @property
    def entered(self) -> bool:
        """Whether its token was accepted."""
        return self._server is not None

    def at(self, server: str) -> None:
        """Say at which server it is, once its token was accepted.

        :raises EndedError: there is no place left, or none at the server
        """
        limits = self._limits
        if limits.sessions >= limits.most.sessions:
            # Others have entered since it began to wait.
            raise closing.EndedError(closing.FULL, 'of the process')
        if limits.servers[server] >= limits.most.per_server:
            raise closing.EndedError(closing.SERVER_FULL)
        limits.waiting -= 1
        limits.sessions += 1
        limits.servers[server] += 1
        self._server = server

    def leave(self) -> None:
        """Give the place back; once only."""
        _count_down(self._limits.clients, self._client)
        if self._server is None:
            self._limits.waiting -= 1
            return
        self._limits.sessions -= 1
        _count_down(self._limits.servers, self._server)


def _network(client: str) -> str:
    """Whose address it is: of IPv6 one user has at least a /64 (RFC 6177)."""
    if ':' not in client:
        return client
    address = ipaddress.IPv6Address(client.strip('[]'))
    return str(ipaddress.IPv6Address(int(address) >> 64 << 64))


def _share(limit: float, most: int) -> float:
    return limit if math.isinf(limit) else min(limit, max(1, most))


def _count_down(counts: collections.Counter[str], key: str) -> None:
    counts[key] -= 1
    if not counts[key]:
        # Addresses come and go; what is not there takes no memory.
        del counts[key]
