# SPDX-License-Identifier: Apache-2.0
import webob

from console_api.api import links
from tests import base


class LinkBuilderTest(base.TestCase):
    def _builder(
        self,
        path: str = '/servers',
        script: str = '/v2.1',
        prefix: str | None = None,
        project_id: str | None = None,
    ) -> links.LinkBuilder:
        request = webob.Request.blank(path, base_url='http://h:8774')
        request.environ['SCRIPT_NAME'] = script
        return links.LinkBuilder(request, prefix, '/v2.1', project_id)

    def test_links_follow_the_request(self) -> None:
        builder = self._builder()
        self.assertEqual('http://h:8774/v2.1/', builder.root('v2.1/'))
        self.assertEqual('http://h:8774/v2.1/x', builder.resource('x'))
        self.assertEqual('http://h:8774/x', builder.bookmark('x'))

    def test_links_keep_where_the_service_is_mounted(self) -> None:
        builder = self._builder(script='/compute/v2.1')
        self.assertEqual('http://h:8774/compute/v2.1/x', builder.resource('x'))

    def test_links_keep_the_project(self) -> None:
        builder = self._builder(project_id='p1')
        self.assertEqual('http://h:8774/v2.1/p1/x', builder.resource('x'))
        self.assertEqual('http://h:8774/p1/x', builder.bookmark('x'))

    def test_project_is_quoted(self) -> None:
        builder = self._builder(project_id='a b?')
        self.assertEqual(
            'http://h:8774/v2.1/a%20b%3F/x', builder.resource('x')
        )

    def test_prefix_wins(self) -> None:
        builder = self._builder(prefix='https://cloud/compute/')
        self.assertEqual('https://cloud/compute/v2.1/x', builder.resource('x'))

    def test_next_page_has_the_query_and_the_marker(self) -> None:
        self.assertEqual(
            'http://h:8774/v2.1/servers/detail?name=a%26b&marker=m',
            self._builder('/servers/detail').next_page(
                {'name': 'a&b', 'marker': 'old'}, 'm'
            ),
        )

    def test_next_page_of_a_project_is_in_it(self) -> None:
        self.assertEqual(
            'http://h:8774/v2.1/p1/servers?marker=m',
            self._builder('/p1/servers', project_id='p1').next_page({}, 'm'),
        )
