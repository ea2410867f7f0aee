# SPDX-License-Identifier: Apache-2.0
"""What a guest wrote to its console, made safe to hand out as JSON text."""

import re

#: The most that is handed out of one console, in bytes (API.md).
MAX_BYTES = 100 * 1024

#: All control characters but tab and newline.
_CONTROL = re.compile('[\x00-\x08\x0b-\x1f]')


def clean(raw: bytes) -> str:
    """Text without control characters; bad bytes are shown as U+FFFD."""
    return _CONTROL.sub('', raw.decode('utf-8', 'replace'))


def last_lines(text: str, count: int | None) -> str:
    """The last ``count`` lines; all of them for None and -1."""
    if count is None or count == -1:
        return text
    if count == 0:
        return ''
    lines = text.split('\n')
    # A line break at the end closes the last line; it opens no other one.
    wanted = count + 1 if lines[-1] == '' else count
    return '\n'.join(lines[-wanted:])
