# SPDX-License-Identifier: Apache-2.0
"""Undo the masking of RFC 6455, 5.3."""

from collections.abc import Callable
from typing import cast
from typing import TypeAlias

try:
    from websockets import speedups
except ImportError:  # pragma: no cover - a platform without the extension
    speedups = None  # type: ignore[assignment]

_Bytes: TypeAlias = bytes | bytearray | memoryview


def apply_mask_slowly(data: _Bytes, key: _Bytes) -> bytes:
    """``data`` with the four bytes of ``key`` over and over it, xored."""
    length = len(data)
    keys = bytes(key) * (length // 4 + 1)
    number = int.from_bytes(data, 'little')
    number ^= int.from_bytes(keys[:length], 'little')
    return number.to_bytes(length, 'little')


#: The same, in C where the extension is there: a hundred times as fast.
apply_mask = cast(
    'Callable[[_Bytes, _Bytes], bytes]',
    apply_mask_slowly if speedups is None else speedups.apply_mask,
)
