# SPDX-License-Identifier: Apache-2.0
"""Reads a YAML file strictly, so that each mistake has a line number."""

from collections.abc import Collection
from collections.abc import Iterator
import re

import yaml

#: The longest file that is read; PyYAML is slow.
MAX_BYTES = 4 * 1024 * 1024

_MAX_QUOTED = 60
_STRING = 'tag:yaml.org,2002:str'
_NULL = 'tag:yaml.org,2002:null'
_INTEGER = 'tag:yaml.org,2002:int'
_WORDS = {
    _NULL: 'nothing',
    _INTEGER: 'a number',
    'tag:yaml.org,2002:float': 'a number',
    'tag:yaml.org,2002:bool': 'true or false',
    'tag:yaml.org,2002:timestamp': 'a date',
    'tag:yaml.org,2002:seq': 'a list',
    'tag:yaml.org,2002:map': 'a mapping',
}


class DocumentError(Exception):
    """What is wrong, in one line, and in which line of the file (from 1)."""

    def __init__(self, line: int, reason: str) -> None:
        super().__init__(line, reason)
        self.line = line
        self.reason = reason


def quote(text: str) -> str:
    """The text as one printable line of bounded length, in quotes."""
    if len(text) > _MAX_QUOTED:
        text = text[:_MAX_QUOTED] + '...'
    return ascii(text)


class Mapping:
    """One mapping of the file, with its keys checked."""

    def __init__(
        self, node: yaml.Node, what: str, known: Collection[str]
    ) -> None:
        """Check the keys of ``node``, which ``what`` names for the reader.

        :raises DocumentError: no mapping, an unknown key or one twice
        """
        self.line = _line(node)
        if not isinstance(node, yaml.MappingNode):
            raise _wrong_type(node, what, 'a mapping')
        self._values: dict[str, yaml.Node] = {}
        for key_node, value in node.value:
            key = _key(key_node)
            if key not in known:
                raise DocumentError(
                    _line(key_node),
                    f'unknown key {quote(key)}; known are '
                    f'{", ".join(sorted(known))}',
                )
            if key in self._values:
                raise DocumentError(
                    _line(key_node), f'the key {quote(key)} is there twice'
                )
            self._values[key] = value

    def __contains__(self, key: str) -> bool:
        return key in self._values

    def line_of(self, key: str) -> int:
        """The line of the value, or of the mapping where it is not there."""
        node = self._values.get(key)
        return self.line if node is None else _line(node)

    def is_null(self, key: str) -> bool:
        """Whether the key is there with nothing as its value."""
        node = self._values.get(key)
        return node is not None and node.tag == _NULL

    def text(self, key: str, default: str, limit: int) -> str:
        """A text of at most ``limit`` characters, or the default.

        :raises DocumentError: no text, or too long
        """
        node = self._values.get(key)
        if node is None:
            return default
        return _text(node, key, limit)

    def number(self, key: str, default: int, highest: int) -> int:
        """A whole number from 1 to ``highest``, or the default.

        :raises DocumentError: anything else
        """
        node = self._values.get(key)
        if node is None:
            return default
        if node.tag == _INTEGER and re.fullmatch('[1-9][0-9]{,8}', node.value):
            number = int(node.value)
            if number <= highest:
                return number
        raise DocumentError(
            _line(node), f'{key} must be a whole number from 1 to {highest}'
        )

    def texts(self, key: str, limit: int) -> Iterator[tuple[int, str]]:
        """Each line and text of a list of texts; none if the key is missing.

        :raises DocumentError: no list, or something else in it
        """
        for node in self._items(key):
            yield _line(node), _text(node, f'each of {key}', limit)

    def mappings(self, key: str, known: Collection[str]) -> 'list[Mapping]':
        """The mappings of a list, with their keys checked.

        :raises DocumentError: no list, or something else in it
        """
        return [
            Mapping(node, f'each of {key}', known) for node in self._items(key)
        ]

    def _items(self, key: str) -> list[yaml.Node]:
        node = self._values.get(key)
        if node is None:
            return []
        if not isinstance(node, yaml.SequenceNode):
            raise _wrong_type(node, key, 'a list')
        return list(node.value)


def read(data: bytes, what: str, known: Collection[str]) -> Mapping:
    """The one mapping that a file consists of.

    :raises DocumentError: it is no YAML, or not that mapping
    """
    if len(data) > MAX_BYTES:
        raise DocumentError(1, f'the file is longer than {MAX_BYTES} bytes')
    try:
        text = data.decode('utf-8')
        node = yaml.compose(text, Loader=yaml.SafeLoader)
    except UnicodeDecodeError as exc:
        line = data.count(b'\n', 0, exc.start) + 1
        raise DocumentError(line, 'the file is not UTF-8') from exc
    except yaml.reader.ReaderError as exc:
        line = text.count('\n', 0, exc.position) + 1
        raise DocumentError(
            line, 'the file holds a control character; escape it'
        ) from exc
    except yaml.MarkedYAMLError as exc:
        mark = exc.problem_mark or exc.context_mark
        line = 1 if mark is None else mark.line + 1
        # The end of the text is the line after the last newline.
        line = min(line, max(1, len(text.splitlines())))
        reason = ' '.join((exc.problem or 'cannot be read').split())
        raise DocumentError(line, f'bad YAML: {reason}') from exc
    except (RecursionError, ValueError, OverflowError) as exc:
        # PyYAML recurses over nested values, and chr() refuses "\UFFFFFFFF".
        raise DocumentError(
            1, 'bad YAML: nested too deep, or an escape out of range'
        ) from exc
    if node is None:
        raise DocumentError(1, 'the file is empty')
    return Mapping(node, what, known)


def _line(node: yaml.Node) -> int:
    line: int = node.start_mark.line
    return line + 1


def _key(node: yaml.Node) -> str:
    if not isinstance(node, yaml.ScalarNode):
        raise DocumentError(_line(node), 'a key must be a text')
    return str(node.value)


def _text(node: yaml.Node, what: str, limit: int) -> str:
    if not isinstance(node, yaml.ScalarNode) or node.tag != _STRING:
        raise _wrong_type(node, what, 'a text')
    text = str(node.value)
    if len(text) > limit:
        raise DocumentError(
            _line(node), f'{what} is longer than {limit} characters'
        )
    if any('\ud800' <= char <= '\udfff' for char in text):
        raise DocumentError(
            _line(node), f'{what} holds half of a surrogate pair'
        )
    return text


def _wrong_type(node: yaml.Node, what: str, wanted: str) -> DocumentError:
    found = _WORDS.get(node.tag, f'a value of type {quote(node.tag)}')
    if node.tag == _STRING:
        found = 'a text'
    reason = f'{what} must be {wanted}, not {found}'
    if wanted == 'a text' and isinstance(node, yaml.ScalarNode):
        reason += '; put it in quotes'
    return DocumentError(_line(node), reason)
