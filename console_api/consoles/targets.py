# SPDX-License-Identifier: Apache-2.0
"""Where consoles may listen: what an agent names is not taken on trust."""

from collections.abc import Iterable
from collections.abc import Iterator
import dataclasses
import ipaddress
import socket

from console_api import exception

_Address = ipaddress.IPv4Address | ipaddress.IPv6Address
_Network = ipaddress.IPv4Network | ipaddress.IPv6Network

#: What means another host to each host, or none: this network, loopback,
#: link-local, multicast, broadcast (RFC 6890).
_NEAR = tuple(
    map(
        ipaddress.ip_network,
        (
            *('0.0.0.0/8', '127.0.0.0/8', '169.254.0.0/16', '224.0.0.0/4'),
            *('255.255.255.255/32', '::/128', '::1/128', 'fe80::/10'),
            'ff00::/8',
        ),
    )
)
#: The last 32 bits are an address of IPv4: RFC 4291, 2.5.5.1; RFC 6052, 2.1;
#: RFC 8215.
_EMBEDDING = tuple(
    map(ipaddress.IPv6Network, ('::/96', '64:ff9b::/96', '64:ff9b:1::/48'))
)
#: Before an address of IPv4 in an interface identifier (RFC 5214, 6.1).
_ISATAP = (0x00005EFE, 0x02005EFE)
#: The names that systems give loopback, alone or before a domain.
_LOCAL = frozenset(
    ('localhost', 'localhost4', 'localhost6', 'ip6-localhost', 'ip6-loopback')
)


class AllowedTargets:
    """Addresses, networks and host names, as the operator lists them.

    :raises ConfigurationError: an entry is none of these
    """

    def __init__(self, entries: Iterable[str] = ()) -> None:
        self._networks: list[_Network] = []
        self._names: set[str] = set()
        for entry in entries:
            try:
                self._networks.append(ipaddress.ip_network(entry, False))
            except ValueError as exc:
                if '/' in entry:
                    raise exception.ConfigurationError(
                        f'allowed_targets has {entry!r}, which is no network'
                    ) from exc
                self._names.add(entry.lower())

    def __bool__(self) -> bool:
        """Whether the operator lists any."""
        return bool(self._networks or self._names)

    def __contains__(self, host: str) -> bool:
        """Whether a console may listen on this host, by its address or name.

        Names are compared, never looked up: a look-up is the network's word.
        An address that ``is_near`` must be meant: no network has it that has
        others, too.
        """
        address = _address(host)
        if address is None:
            return host.lower() in self._names
        near = is_near(host)
        return any(
            address in network and (not near or _is_meant(network))
            for network in self._networks
        )


@dataclasses.dataclass(frozen=True)
class Boundary:
    """Where a proxy may connect to.

    Only to what is ``listed``, if anything is. A name must not lead to an
    address that ``is_near`` unless the operator has allowed that.
    """

    listed: AllowedTargets = dataclasses.field(default_factory=AllowedTargets)
    allowed: AllowedTargets = dataclasses.field(default_factory=AllowedTargets)

    def permits(self, host: str, address: str) -> bool:
        """Whether this address, which ``host`` is or has led to, is within."""
        if address in self.listed:
            return True
        named = _address(host) is None
        if named and is_near(address) and address not in self.allowed:
            return False
        return not self.listed or (named and host in self.listed)


def is_near(host: str) -> bool:
    """Whether this address or name means something else on each host.

    That is loopback, link-local, unspecified, multicast and broadcast, in
    each form that a resolver or the network understands.
    """
    address = _address(host)
    if address is None:
        labels = host.lower().rstrip('.').split('.')
        return labels[0] in _LOCAL or labels[-1] in _LOCAL
    return any(
        one in network for one in _meanings(address) for network in _NEAR
    )


def is_same(host: str, other: str) -> bool:
    """Whether two spellings mean one address, or are one name."""
    address = _address(host)
    if address is None:
        return host.lower() == other.lower()
    return address == _address(other)


def is_registered(host: str, registered: Iterable[str]) -> bool:
    """Whether this is one of the addresses that an agent registered.

    One that ``is_near`` counts for nothing: it is the proxy's own.
    """
    return not is_near(host) and any(is_same(host, one) for one in registered)


def _is_meant(network: _Network) -> bool:
    """Whether an operator who lists this speaks of near addresses alone."""
    return network.num_addresses == 1 or any(
        network.version == near.version and network.subnet_of(near)  # type: ignore[arg-type]
        for near in _NEAR
    )


def _meanings(address: _Address) -> Iterator[_Address]:
    """The address, and those of IPv4 that may be reached by it."""
    yield address
    if isinstance(address, ipaddress.IPv4Address):
        return
    for inner in (address.ipv4_mapped, address.sixtofour):
        if inner is not None:
            yield inner
    yield from address.teredo or ()
    number = int(address)
    if (number >> 32) & 0xFFFFFFFF in _ISATAP or any(
        address in network for network in _EMBEDDING
    ):
        yield ipaddress.IPv4Address(number & 0xFFFFFFFF)


def _address(host: str) -> _Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        pass
    try:
        # 127.1 and 0x7f000001 are addresses to resolvers.
        return ipaddress.IPv4Address(socket.inet_aton(host))
    except (OSError, ValueError):
        return None
