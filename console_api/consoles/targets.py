# SPDX-License-Identifier: Apache-2.0
"""Where consoles may listen: what an agent names is not taken on trust."""

from collections.abc import Iterable
import ipaddress

_Address = ipaddress.IPv4Address | ipaddress.IPv6Address
_Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class AllowedTargets:
    """Addresses, networks and host names, as the operator lists them."""

    def __init__(self, entries: Iterable[str]) -> None:
        self._networks: list[_Network] = []
        self._names: set[str] = set()
        for entry in entries:
            try:
                self._networks.append(ipaddress.ip_network(entry, False))
            except ValueError:
                self._names.add(entry.lower())

    def __bool__(self) -> bool:
        """Whether the operator lists any."""
        return bool(self._networks or self._names)

    def __contains__(self, host: str) -> bool:
        """Whether a console may listen on this host, by its address or name.

        Names are compared, never looked up: a look-up is the network's word.
        """
        address = _address(host)
        if address is None:
            return host.lower() in self._names
        return any(address in network for network in self._networks)


def is_same(host: str, other: str) -> bool:
    """Whether two spellings mean one address, or are one name."""
    address = _address(host)
    if address is None:
        return host.lower() == other.lower()
    return address == _address(other)


def _address(host: str) -> _Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None
