# SPDX-License-Identifier: Apache-2.0
"""API.md's table of console URLs."""

from urllib import parse

from console_api.consoles import types
from console_api.consoles import urls
from tests import base

_TOKEN = 'A-b_9'


def _path_url(base_url: str) -> str:
    return urls.console_url(types.UrlRule.PATH, base_url, _TOKEN)


def _token_url(base_url: str) -> str:
    return urls.console_url(types.UrlRule.TOKEN, base_url, _TOKEN)


class PathRuleTest(base.TestCase):
    def test_base_without_a_query(self) -> None:
        self.assertEqual(
            'http://h:6080/vnc_auto.html?path=%3Ftoken%3DA-b_9',
            _path_url('http://h:6080/vnc_auto.html'),
        )

    def test_base_with_a_path_parameter(self) -> None:
        self.assertEqual(
            'http://h:6080/vnc_auto.html?path=novnc%3Ftoken%3DA-b_9',
            _path_url('http://h:6080/vnc_auto.html?path=novnc'),
        )

    def test_base_with_another_parameter(self) -> None:
        self.assertEqual(
            'http://h:6080/vnc_auto.html?a=b&path=%3Ftoken%3DA-b_9',
            _path_url('http://h:6080/vnc_auto.html?a=b'),
        )

    def test_empty_parameters_are_kept(self) -> None:
        self.assertEqual(
            'http://h/?resize=&path=%3Ftoken%3DA-b_9',
            _path_url('http://h/?resize='),
        )

    def test_page_decodes_the_path_to_the_token(self) -> None:
        query = parse.urlsplit(_path_url('https://h/?path=a/b')).query
        self.assertEqual(['a/b?token=A-b_9'], parse.parse_qs(query)['path'])


class TokenRuleTest(base.TestCase):
    def test_page(self) -> None:
        self.assertEqual(
            'http://h:6082/spice_auto.html?token=A-b_9',
            _token_url('http://h:6082/spice_auto.html'),
        )

    def test_web_socket(self) -> None:
        self.assertEqual(
            'ws://h:6083/?token=A-b_9', _token_url('ws://h:6083/')
        )

    def test_query_of_the_base_is_kept(self) -> None:
        self.assertEqual(
            'http://h/?a=b&token=A-b_9', _token_url('http://h/?a=b')
        )

    def test_exactly_one_token_parameter(self) -> None:
        query = parse.urlsplit(_token_url('http://h/nova')).query
        self.assertEqual({'token': [_TOKEN]}, parse.parse_qs(query))


class EveryRuleTest(base.TestCase):
    def test_dashboards_can_append_a_parameter(self) -> None:
        for rule in types.UrlRule:
            with self.subTest(rule=rule):
                url = urls.console_url(rule, 'http://h/page#part', _TOKEN)
                self.assertIn('?', url)
                self.assertNotIn('#', url)
