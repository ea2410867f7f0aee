# SPDX-License-Identifier: Apache-2.0
"""Lists in statements, in pieces that every database takes."""

from collections.abc import Iterator
from collections.abc import Sequence

#: Parameters in one statement; SQLite's old limit is 999.
SIZE = 500


def of(ids: Sequence[str]) -> Iterator[Sequence[str]]:
    """The ids in order, at most ``SIZE`` of them at a time."""
    return (ids[i : i + SIZE] for i in range(0, len(ids), SIZE))
