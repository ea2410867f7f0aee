# SPDX-License-Identifier: Apache-2.0
"""The handshake with a hypervisor's RFB server, as its client.

Versions 3.3, 3.7 and 3.8 (RFC 6143, 7.1 and appendix A). It ends behind the
SecurityResult, so that what follows is the same for all versions.
"""

from collections.abc import Generator
from collections.abc import Sequence
import re

from console_api.proxy.rfb import dialogue
from console_api.proxy.rfb import security

_VERSION = re.compile(rb'RFB ([0-9]{3})\.([0-9]{3})\n')
_V33 = (3, 3)
_V37 = (3, 7)
_V38 = (3, 8)


def handshake(
    means: security.Means = security.Means(),  # noqa: B008 - frozen
) -> dialogue.Dialogue:
    """The dialogue with a server that is satisfied by these means."""
    return dialogue.Dialogue(_steps(means))


def _steps(means: security.Means) -> dialogue.Steps:
    wanted = means.usable
    version = _version((yield 12))
    yield b'RFB %03d.%03d\n' % version
    if version == _V33:
        chosen = yield from _dictated_type(wanted)
    else:
        chosen = yield from _offered_type(wanted)
        yield bytes((chosen,))
    yield from security.SCHEMES[chosen](means)
    # Before 3.8 a server says nothing where nothing was asked.
    if version == _V38 or chosen != security.SecurityType.NONE:
        yield from _result(version)


def _version(greeting: bytes) -> tuple[int, int]:
    """The version to speak with a server that greets so."""
    match = _VERSION.fullmatch(greeting)
    if match is None:
        raise dialogue.HandshakeError(
            dialogue.Fault.VERSION, repr(greeting.decode('latin-1'))
        )
    offered = (int(match[1]), int(match[2]))
    if offered < _V33:
        raise dialogue.HandshakeError(
            dialogue.Fault.VERSION, f'{offered[0]}.{offered[1]}'
        )
    if offered >= _V38:
        return _V38
    # RFC 6143, 7.1.1: anything between is to be taken for 3.3.
    return _V37 if offered == _V37 else _V33


def _dictated_type(
    wanted: Sequence[int],
) -> Generator[dialogue.Step, bytes, int]:
    """RFB 3.3: the server decides, in four bytes."""
    number = int.from_bytes((yield 4), 'big')
    if number == security.SecurityType.INVALID:
        yield from _refusal(dialogue.Fault.REFUSED)
    if number > 255:
        raise dialogue.HandshakeError(
            dialogue.Fault.TYPE, security.describe(number)
        )
    return security.choose(bytes((number,)), wanted)


def _offered_type(
    wanted: Sequence[int],
) -> Generator[dialogue.Step, bytes, int]:
    count = (yield 1)[0]
    if not count:
        yield from _refusal(dialogue.Fault.REFUSED)
    return security.choose((yield count), wanted)


def _result(version: tuple[int, int]) -> dialogue.Steps:
    result = int.from_bytes((yield 4), 'big')
    if result == 0:
        return
    if version == _V38:
        yield from _refusal(dialogue.Fault.FAILED)
    raise dialogue.HandshakeError(dialogue.Fault.FAILED, f'result {result}')


def _refusal(fault: dialogue.Fault) -> dialogue.Steps:
    """Read the server's reason and end; a length is never trusted."""
    length = int.from_bytes((yield 4), 'big')
    if length > dialogue.MAX_REASON:
        raise dialogue.HandshakeError(
            dialogue.Fault.LENGTH, f'a reason of {length} bytes'
        )
    reason = yield length
    raise dialogue.HandshakeError(fault, repr(reason.decode('latin-1')))
