# SPDX-License-Identifier: Apache-2.0
"""Reads a request for a WebSocket at once, where it is of the usual form.

Strict: what is unusual in any way is left to h11, which decides whether that
is good. What is taken here h11 takes as well and in the same way, in ten
times the time.
"""

import dataclasses
import re

#: Visible ASCII in the target, which is a path.
_REQUEST_LINE = re.compile(r'GET (/[!-~]*) HTTP/1\.1', re.ASCII)
#: RFC 9112, 5; names are tokens. No line folding, no control characters.
_FIELD = re.compile(
    r"([-!#$%&'*+.^_`|~0-9A-Za-z]+):[ \t]*([!-~]+(?:[ \t]+[!-~]+)*)[ \t]*",
    re.ASCII,
)
#: These say more than their value: h11 keeps account of what they mean.
_UNUSUAL = frozenset({'content-length', 'transfer-encoding', 'expect'})


@dataclasses.dataclass(frozen=True)
class Head:
    """The target and fields of a GET; ``size`` is what they took in bytes."""

    target: str = dataclasses.field(repr=False)
    fields: tuple[tuple[str, str], ...] = dataclasses.field(repr=False)
    size: int


def parse(data: bytes) -> Head | None:
    """The head of a request to upgrade that these bytes begin with.

    None where h11 has to look, and where there is nothing to hurry for.
    """
    end = data.find(b'\r\n\r\n')
    if end < 0:
        return None
    first, *lines = data[:end].decode('latin-1').split('\r\n')
    asked = _REQUEST_LINE.fullmatch(first)
    if asked is None:
        return None
    fields = []
    hosts = upgrades = 0
    for line in lines:
        field = _FIELD.fullmatch(line)
        if field is None:
            return None
        name = field[1].lower()
        if name in _UNUSUAL:
            return None
        hosts += name == 'host'
        upgrades += name == 'upgrade'
        fields.append((name, field[2]))
    if hosts != 1 or not upgrades:
        return None
    return Head(asked[1], tuple(fields), end + 4)
