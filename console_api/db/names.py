# SPDX-License-Identifier: Apache-2.0
"""The names of servers against a client's regular expression.

Whoever may list servers chooses the expression, and the names too. The engine
of Python and that of MariaDB take time without a bound that matters for some
of them; RE2 takes time in proportion to the name. What LIKE can say is left to
the database.
"""

from collections.abc import Callable
import re
import time

import re2

#: The memory of an expression in bytes, which bounds the time of a name.
_MEMORY = 128 * 1024
#: The processor time of a search in seconds; a hundred thousand names take
#: about one.
_SECONDS = 3.0

_PLAIN = r'[\w \-:@/,]*'
_SIMPLE = re.compile(rf'(\^?)({_PLAIN})(?:\.\*({_PLAIN}))?(\$?)')
#: RE2 refuses more than 1000 repetitions, but takes a count of nine digits for
#: text, which a client does not mean.
_ENDLESS = re.compile(r'(?<!\\)\{[0-9]{9}', re.ASCII)
#: In a pattern for LIKE; ``_PLAIN`` has none.
ESCAPE = '!'


class PatternError(ValueError):
    """It is not a regular expression of RE2, or a very large one."""


class CostlyError(Exception):
    """The search took more processor time than there is for one."""


class Search:
    """One search; its time begins when it is made.

    :raises PatternError: the expression is no good
    """

    def __init__(
        self,
        expression: str,
        case_sensitive: bool = True,
        clock: Callable[[], float] = time.thread_time,
    ) -> None:
        if _ENDLESS.search(expression):
            raise PatternError(expression)
        options = re2.Options()
        options.max_mem = _MEMORY
        options.log_errors = False
        options.case_sensitive = case_sensitive
        try:
            self._expression = re2.compile(expression, options)
        except (re2.error, UnicodeError) as exc:
            raise PatternError(expression) from exc
        self._clock = clock
        self._until = clock() + _SECONDS

    def matches(self, name: str) -> bool:
        """Whether the expression matches somewhere in the name.

        :raises CostlyError: there is no time left
        """
        if self._clock() > self._until:
            raise CostlyError()
        return self._expression.search(name) is not None


def as_like(expression: str) -> str | None:
    """The pattern for LIKE that says the same, where there is one."""
    match = _SIMPLE.fullmatch(expression)
    if match is None:
        return None
    begin, first, second, end = match.groups()
    text = first if second is None else f'{first}%{second}'
    text = text.replace('_', f'{ESCAPE}_')
    return f'{"" if begin else "%"}{text}{"" if end else "%"}'
