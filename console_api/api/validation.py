# SPDX-License-Identifier: Apache-2.0
"""JSON in, JSON Schemas over it, and messages that say what was wrong."""

from collections.abc import Mapping
import json
from typing import Any

import jsonschema

from console_api import exception

#: A value in a message is cut to this length.
_SHOWN = 255
#: Of how many instances a schema remembers that they fit, and how long they
#: may be, as text.
_REMEMBERED = 64
_LONGEST = 512


class Schema:
    """A JSON Schema (draft 2020-12), compiled once."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        jsonschema.Draft202012Validator.check_schema(document)
        self.document = document
        #: Clients say the same few things over and over.
        self._fitting: set[str] = set()
        self._validator = jsonschema.Draft202012Validator(
            document, format_checker=jsonschema.FormatChecker()
        )

    def check(self, instance: object) -> None:
        """Return if the instance fits.

        :raises BadRequest: it does not; the message names the place
        """
        # Of JSON's values no two that differ look the same.
        text = repr(instance)
        if text in self._fitting:
            return
        message = self.mismatch(instance)
        if message is not None:
            raise exception.BadRequest(message)
        if len(text) <= _LONGEST:
            if len(self._fitting) >= _REMEMBERED:
                self._fitting.clear()
            self._fitting.add(text)

    def mismatch(self, instance: object) -> str | None:
        """What is wrong with the instance, or None."""
        # Nearly everything fits, and to choose among errors costs more than
        # to find that there is none.
        if self._validator.is_valid(instance):
            return None
        error = jsonschema.exceptions.best_match(
            self._validator.iter_errors(instance)
        )
        assert error is not None
        message = _shorten(error.message, 2 * _SHOWN)
        if not error.path:
            return message
        return (
            f'Invalid input for field/attribute {error.path[-1]}. '
            f'Value: {_shorten(str(error.instance), _SHOWN)}. {message}'
        )


def parse_json(body: bytes) -> Any:
    """The JSON value of a body.

    Stricter than json.loads: no NaN or Infinity, no key twice, UTF-8 only.

    :raises BadRequest: it is no such thing, or nested too deeply
    """
    try:
        return json.loads(
            body.decode('utf-8'),
            parse_constant=_refuse_constant,
            object_pairs_hook=_unique_object,
        )
    except (ValueError, RecursionError) as exc:
        raise exception.BadRequest(
            f'Malformed request body: {_reason(exc)}'
        ) from exc


def _reason(exc: Exception) -> str:
    if isinstance(exc, RecursionError):
        return 'it is nested too deeply'
    if isinstance(exc, UnicodeDecodeError):
        return 'it is not UTF-8'
    return _shorten(str(exc), _SHOWN)


def _refuse_constant(name: str) -> None:
    raise ValueError(f'{name} is not JSON')


def _unique_object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        raise ValueError('a key appears twice in one object')
    return result


def _shorten(text: str, length: int) -> str:
    return text if len(text) <= length else f'{text[:length]}...'
