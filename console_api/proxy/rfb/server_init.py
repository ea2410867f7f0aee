# SPDX-License-Identifier: Apache-2.0
"""The first words of an RFB server once security is settled (RFC 6143, 7.3).

It says how large the screen is, and its name.
"""

import dataclasses

from console_api.proxy.rfb import dialogue

#: Leaves other clients of the server connected (RFC 6143, 7.3.1).
CLIENT_INIT = b'\x01'
#: Size and format of the screen, then the length of the name.
_FIXED = 24
#: The most that is taken for a name, in bytes.
MAX_NAME = 1024


@dataclasses.dataclass
class Heard:
    """What the server has said: ``raw`` as it came, and its ``name``."""

    raw: bytes = b''
    name: str = ''


def handshake(heard: Heard) -> dialogue.Dialogue:
    """The dialogue from ClientInit to ServerInit, which ``heard`` keeps."""
    return dialogue.Dialogue(_steps(heard))


def _steps(heard: Heard) -> dialogue.Steps:
    yield CLIENT_INIT
    fixed = yield _FIXED
    length = int.from_bytes(fixed[20:24], 'big')
    if length > MAX_NAME:
        raise dialogue.HandshakeError(
            dialogue.Fault.LENGTH, f'a name of {length} bytes'
        )
    name = (yield length) if length else b''
    heard.raw = fixed + name
    heard.name = name.decode('utf-8', 'replace')
