# SPDX-License-Identifier: Apache-2.0
from jsonschema import exceptions as schema_exceptions

from console_api import exception
from console_api.api import validation
from tests import base

_SCHEMA = validation.Schema(
    {
        'type': 'object',
        'properties': {
            'word': {'type': 'string', 'maxLength': 3},
            'id': {'type': 'string', 'format': 'uuid'},
        },
        'required': ['word'],
        'additionalProperties': False,
    }
)


class SchemaTest(base.TestCase):
    def _message(self, instance: object) -> str:
        with self.assertRaises(exception.BadRequest) as caught:
            _SCHEMA.check(instance)
        return str(caught.exception)

    def test_what_fits_passes(self) -> None:
        _SCHEMA.check({'word': 'abc'})
        self.assertIsNone(_SCHEMA.mismatch({'word': 'abc'}))

    def test_what_fitted_once_lets_nothing_else_pass(self) -> None:
        schema = validation.Schema({'enum': [1, '1', 'a', [1], {'a': 1}]})
        for instance in (1, '1', 'a', [1], {'a': 1}):
            for _ in range(2):
                schema.check(instance)
        for instance in (True, '[1]', "{'a': 1}", ['1'], {'a': True}, None):
            with self.assertRaises(exception.BadRequest):
                schema.check(instance)

    def test_what_fits_is_not_remembered_without_end(self) -> None:
        schema = validation.Schema({'type': ['string', 'integer']})
        schema.check('x' * 100_000)
        for number in range(10_000):
            schema.check(number)
        self.assertLess(len(schema._fitting), 100)
        self.assertLess(max(map(len, schema._fitting)), 1000)

    def test_field_and_value_are_named(self) -> None:
        self.assertEqual(
            'Invalid input for field/attribute word. Value: 7. 7 is not of '
            "type 'string'",
            self._message({'word': 7}),
        )

    def test_missing_property_is_named(self) -> None:
        self.assertEqual("'word' is a required property", self._message({}))

    def test_extra_property_is_named(self) -> None:
        self.assertIn(
            "('x' was unexpected)", self._message({'word': 'a', 'x': 1})
        )

    def test_format_counts(self) -> None:
        self.assertIn('id', self._message({'word': 'a', 'id': 'no uuid'}))

    def test_long_value_is_cut(self) -> None:
        self.assertLess(len(self._message({'word': 'x' * 100_000})), 900)

    def test_long_name_is_cut(self) -> None:
        message = self._message({'word': 'a', 'x' * 100_000: 1})
        self.assertLess(len(message), 900)

    def test_document_that_is_no_schema_is_refused(self) -> None:
        self.assertRaises(
            schema_exceptions.SchemaError,
            validation.Schema,
            {'type': 'nonsense'},
        )


class ParseJsonTest(base.TestCase):
    def _message(self, body: bytes) -> str:
        with self.assertRaises(exception.BadRequest) as caught:
            validation.parse_json(body)
        message = str(caught.exception)
        self.assertTrue(message.startswith('Malformed request body: '))
        self.assertLess(len(message), 400)
        return message

    def test_value(self) -> None:
        self.assertEqual(
            {'a': [1, None, 'é']},
            validation.parse_json('{"a": [1, null, "é"]}'.encode()),
        )

    def test_nothing(self) -> None:
        self._message(b'')

    def test_constants_that_are_not_json(self) -> None:
        for word in ('NaN', 'Infinity', '-Infinity'):
            with self.subTest(word=word):
                self.assertIn(word, self._message(f'[{word}]'.encode()))

    def test_key_twice(self) -> None:
        self.assertIn('twice', self._message(b'{"a": 1, "a": 1}'))

    def test_key_twice_deep_inside(self) -> None:
        self.assertIn('twice', self._message(b'[{"b": {"a": 1, "a": 1}}]'))

    def test_nesting(self) -> None:
        self.assertIn('nested', self._message(b'[' * 100_000))

    def test_not_utf_8(self) -> None:
        self.assertIn('not UTF-8', self._message(b'"\xff"'))

    def test_byte_order_mark(self) -> None:
        self._message(b'\xef\xbb\xbf{}')

    def test_number_with_too_many_digits(self) -> None:
        self._message(b'9' * 10_000)
