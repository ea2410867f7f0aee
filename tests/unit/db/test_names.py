# SPDX-License-Identifier: Apache-2.0
import itertools

import sqlalchemy as sa

from console_api.db import names
from tests import base

#: Each takes Python's own engine minutes at the least for a name like this.
_NAME = 'a' * 254 + '!'
_HOSTILE = (
    '^(a+)+$',
    '^(a|a)*$',
    '^(a|aa)+$',
    '^(([a-z])+.)+[A-Z]([a-z])+$',
    '(.*a){20}x',
    '(a?){60}a{60}x',
)


class Clock:
    """Processor time that a test lets pass."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


class SearchTest(base.TestCase):
    def test_usual_expressions_are_taken(self) -> None:
        for expression in (
            r'^[a-z0-9-]{1,63}\.example\.com$',
            r'^(web|db|cache)-[0-9]{1,3}(-standby)?$',
            r'\bnode\d+\b|^[^-]+-(eu|us)-\w{4,12}$',
        ):
            names.Search(expression)

    def test_match_is_searched_for(self) -> None:
        search = names.Search('^(db|x)[0-9]+')
        self.assertTrue(search.matches('db17.example'))
        self.assertFalse(search.matches('webdb1'))

    def test_case_counts(self) -> None:
        self.assertFalse(names.Search('^Web.').matches('web1'))
        self.assertTrue(names.Search('(?i)^Web.').matches('web1'))
        self.assertTrue(names.Search('^Web.', False).matches('web1'))

    def test_names_of_every_script(self) -> None:
        self.assertTrue(names.Search('^[ж-я]+😀$').matches('шлюз😀'))

    def test_hostile_expressions_end(self) -> None:
        for expression in _HOSTILE:
            with self.subTest(expression):
                self.assertFalse(names.Search(expression).matches(_NAME))

    def test_what_has_no_such_bound_is_refused(self) -> None:
        for expression in (
            r'(a*)*\1',
            '(?=a)b',
            '(?<!a)b',
            '((a{100}){100}){100}',
            '(.{1,200}x){1,200}',
            'a{1001}',
            '(?P<',
            '[',
            r'\pL{1,900}',
            '\ud800',
        ):
            with self.subTest(expression):
                self.assertRaises(names.PatternError, names.Search, expression)

    def test_search_ends_with_its_time(self) -> None:
        clock = Clock()
        search = names.Search('^a', clock=clock)
        clock.now = 3
        self.assertTrue(search.matches('a'))
        clock.now = 3.5
        self.assertRaises(names.CostlyError, search.matches, 'a')

    def test_time_before_a_search_does_not_count(self) -> None:
        clock = Clock()
        clock.now = 1000
        self.assertTrue(names.Search('^a', clock=clock).matches('a'))


class LikeTest(base.TestCase):
    def test_says_the_same_as_the_expression(self) -> None:
        engine = sa.create_engine('sqlite://')
        found = ('', 'web', 'web-1', 'webx1', 'web_1', 'my web-1', '1web')
        expressions = [
            f'{begin}{middle}{end}'
            for begin, middle, end in itertools.product(
                ('', '^'),
                ('', 'web', 'web_', '-1', 'w.*1', '.*', '.*1', 'web.*'),
                ('', '$'),
            )
        ]
        with engine.connect() as connection:
            for expression, name in itertools.product(expressions, found):
                like = sa.literal(name).like(
                    names.as_like(expression), escape=names.ESCAPE
                )
                self.assertEqual(
                    names.Search(expression, False).matches(name),
                    bool(connection.scalar(sa.select(like))),
                    (expression, name),
                )

    def test_what_like_cannot_say(self) -> None:
        for expression in (
            'web.',
            'web.+',
            'a.*b.*c',
            '.**',
            'we?b',
            '[w]eb',
            '%',
            '(?i)web',
            'web\\d',
            '$web',
            'we^b',
            'a|b',
        ):
            self.assertIsNone(names.as_like(expression), expression)
