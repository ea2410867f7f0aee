# SPDX-License-Identifier: Apache-2.0
"""What a host may be called: its name becomes a topic of the message bus."""

import re
from typing import TypeGuard

#: Names of queues have 255 bytes; ours put a few dozen around the name.
_LONGEST = 200
_NAME = re.compile(r'[A-Za-z0-9][A-Za-z0-9_-]*(\.[A-Za-z0-9_-]+)*', re.ASCII)
#: oslo.messaging calls a queue of the host so whose name is before this.
_QUEUE = '_fanout'

#: For messages: "... is no name of a host: RULE".
RULE = (
    'letters, digits, hyphens, underscores and single dots between them, '
    f'{_LONGEST} characters at most, and not {_QUEUE} at the end'
)


def is_valid(name: object) -> TypeGuard[str]:
    """Whether a host may have this name.

    On the bus a host is given what begins with its own name and a colon, so
    no name has one. Names are equal if every character is.
    """
    return (
        isinstance(name, str)
        and len(name) <= _LONGEST
        and _NAME.fullmatch(name) is not None
        and not name.endswith(_QUEUE)
    )
