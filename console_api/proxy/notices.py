# SPDX-License-Identifier: Apache-2.0
"""What a page is told beside its console: text messages, JSON in each.

A console has binary messages only, so a client that asks for the subprotocol
can tell them apart. Whoever does not ask gets none.
"""

import json

from console_api.proxy.ws import frames

#: What such a client offers, and is answered.
SUBPROTOCOL = 'notices.console-api'


def draining(seconds: float) -> bytes:
    """The proxy goes down, and ends the session after so many seconds."""
    text = json.dumps({'notice': 'draining', 'seconds': round(seconds)})
    return frames.encode(frames.Opcode.TEXT, text.encode())
