# SPDX-License-Identifier: Apache-2.0
"""The security types of RFB and how a server is asked for one."""

from collections.abc import Callable
from collections.abc import Generator
from collections.abc import Mapping
from collections.abc import Sequence
import dataclasses
import enum
import types

from console_api.proxy.rfb import dialogue

#: Bytes of a challenge and of its answer (RFC 6143, 7.2.2).
CHALLENGE = 16

_VENCRYPT_VERSION = b'\x00\x02'


class SecurityType(enum.IntEnum):
    """The types that have a name here; a server may offer any byte."""

    INVALID = 0
    NONE = 1
    VNC_AUTH = 2
    VENCRYPT = 19


class SubType(enum.IntEnum):
    """The types within VeNCrypt; a server may offer any 32 bits."""

    PLAIN = 256
    TLS_NONE = 257
    TLS_VNC = 258
    TLS_PLAIN = 259
    X509_NONE = 260
    X509_VNC = 261
    X509_PLAIN = 262


@dataclasses.dataclass(frozen=True)
class Means:
    """What the proxy has to satisfy a server with.

    ``wanted`` are security types, best first; those of them are left out
    that something is missing for. ``answer`` makes the answer to a challenge
    and is None without a password; ``tls`` says that certificates can be
    checked.
    """

    wanted: tuple[SecurityType, ...] = (SecurityType.NONE,)
    answer: Callable[[bytes], bytes] | None = dataclasses.field(
        default=None, repr=False
    )
    tls: bool = False

    @property
    def usable(self) -> tuple[int, ...]:
        """The security types that can be chosen, best first."""
        missing = set()
        if self.answer is None:
            missing.add(SecurityType.VNC_AUTH)
        if not self.tls:
            missing.add(SecurityType.VENCRYPT)
        return tuple(one for one in self.wanted if one not in missing)

    @property
    def usable_within(self) -> tuple[int, ...]:
        """The types within VeNCrypt that can be chosen, best first.

        Those without certificates are not among them: anybody could be the
        other end.
        """
        if self.answer is None:
            return (SubType.X509_NONE,)
        return (SubType.X509_VNC, SubType.X509_NONE)


#: Steps that need the means.
Scheme = Callable[[Means], dialogue.Steps]


def describe(number: int) -> str:
    """The name of a type, or its number where it has none here."""
    for kind in (SecurityType, SubType):
        try:
            return f'{kind(number).name} ({number})'
        except ValueError:
            continue
    return f'unknown ({number})'


def choose(offered: Sequence[int], wanted: Sequence[int]) -> int:
    """The first of the wanted types that the server offers.

    :raises HandshakeError: there is none
    """
    for number in wanted:
        if number in offered:
            return number
    names = ', '.join(describe(number) for number in offered)
    raise dialogue.HandshakeError(dialogue.Fault.TYPE, f'offered: {names}')


def _none(means: Means) -> dialogue.Steps:
    """Security type None: nothing is exchanged (RFC 6143, 7.2.1)."""
    del means
    yield from ()


def _vnc_auth(means: Means) -> dialogue.Steps:
    """VNC Authentication (RFC 6143, 7.2.2)."""
    assert means.answer is not None
    yield means.answer((yield CHALLENGE))


def _vencrypt(means: Means) -> dialogue.Steps:
    """VeNCrypt 0.2, as the RFB protocol's community text has it."""
    version = yield len(_VENCRYPT_VERSION)
    if version < _VENCRYPT_VERSION:
        raise dialogue.HandshakeError(
            dialogue.Fault.VERSION, f'VeNCrypt {version[0]}.{version[1]}'
        )
    yield _VENCRYPT_VERSION
    if (yield 1) != b'\x00':
        raise dialogue.HandshakeError(
            dialogue.Fault.VERSION, 'VeNCrypt 0.2 was refused'
        )
    chosen = yield from _offered_subtype(means)
    yield chosen.to_bytes(4, 'big')
    # Other than above, 1 is the good answer here.
    if (yield 1) != b'\x01':
        raise dialogue.HandshakeError(
            dialogue.Fault.FAILED, f'{describe(chosen)} was refused'
        )
    yield dialogue.Turn.START_TLS
    yield from _WITHIN[chosen](means)


def _offered_subtype(
    means: Means,
) -> Generator[dialogue.Step, bytes, int]:
    count = (yield 1)[0]
    listed = (yield 4 * count) if count else b''
    offered = [
        int.from_bytes(listed[place : place + 4], 'big')
        for place in range(0, len(listed), 4)
    ]
    return choose(offered, means.usable_within)


#: What follows the choice of a type, up to the SecurityResult.
SCHEMES: Mapping[int, Scheme] = types.MappingProxyType(
    {
        SecurityType.NONE: _none,
        SecurityType.VNC_AUTH: _vnc_auth,
        SecurityType.VENCRYPT: _vencrypt,
    }
)
_WITHIN: Mapping[int, Scheme] = types.MappingProxyType(
    {SubType.X509_NONE: _none, SubType.X509_VNC: _vnc_auth}
)
