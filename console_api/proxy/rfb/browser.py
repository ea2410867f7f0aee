# SPDX-License-Identifier: Apache-2.0
"""The handshake with the user's client, as its RFB server.

Always version 3.8 and security type None: whoever comes here has shown a
token, and what the hypervisor wants is settled by the proxy. Each message is
sent on its own, since clients exist that read one message a frame.
"""

from console_api.proxy.rfb import dialogue
from console_api.proxy.rfb import security

VERSION = b'RFB 003.008\n'


def handshake() -> dialogue.Dialogue:
    """The dialogue with a client, up to the SecurityResult."""
    return dialogue.Dialogue(_steps())


def _steps() -> dialogue.Steps:
    yield VERSION
    answer = yield len(VERSION)
    if answer != VERSION:
        raise dialogue.HandshakeError(
            dialogue.Fault.VERSION, repr(answer.decode('latin-1'))
        )
    yield bytes((1, security.SecurityType.NONE))
    chosen = (yield 1)[0]
    if chosen != security.SecurityType.NONE:
        raise dialogue.HandshakeError(
            dialogue.Fault.TYPE, f'chosen: {security.describe(chosen)}'
        )
    yield bytes(4)
