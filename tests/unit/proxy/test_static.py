# SPDX-License-Identifier: Apache-2.0
"""The console pages and their files."""

import pathlib
import tempfile

from console_api.proxy import front as front_page
from console_api.proxy import origin
from console_api.proxy import request
from console_api.proxy import static
from tests import base

PAGE = b'<html><script src="assets/app.js"></script>noVNC</html>'


class StaticTest(base.TestCase):
    def setUp(self) -> None:
        super().setUp()
        top = tempfile.TemporaryDirectory()
        self.addCleanup(top.cleanup)
        (pathlib.Path(top.name) / 'secret.txt').write_bytes(b'secret')
        self.root = pathlib.Path(top.name) / 'static'
        (self.root / 'assets' / 'deep').mkdir(parents=True)
        (self.root / 'vnc.html').write_bytes(PAGE)
        for name in ('serial', 'spice', 'index'):
            (self.root / f'{name}.html').write_text(name)
        (self.root / 'assets' / 'app.js').write_bytes(b'run()')
        (self.root / 'assets' / 'deep' / 'x.css').write_bytes(b'a {}')
        (self.root / 'assets' / 'blob').write_bytes(b'\x00')
        self.files = self.load()

    def load(
        self, *allowed: str, front: front_page.FrontPage | None = None
    ) -> static.StaticFiles:
        return static.StaticFiles(
            self.root, origin.parse_allowed(allowed), front
        )

    def policy(
        self, host: str = 'proxy:6080', path: str = '/vnc.html'
    ) -> dict[str, str]:
        headers = dict(self.ask(path, host=host).headers)
        parts = headers['Content-Security-Policy'].split('; ')
        return dict(part.split(' ', 1) for part in parts)

    def ask(
        self,
        path: str,
        method: str = 'GET',
        query: str = '',
        **fields: str,
    ) -> request.Response:
        pairs = {'host': 'proxy:6080'} | fields
        headers = tuple((k.replace('_', '-'), v) for k, v in pairs.items())
        return self.files.respond(
            request.Request(method, path, query, headers)
        )


class PageTest(StaticTest):
    def test_three_paths_lead_to_the_page(self) -> None:
        for path in ('/vnc.html', '/vnc_auto.html', '/vnc_lite.html'):
            response = self.ask(path)
            self.assertEqual((200, PAGE), (response.status, response.body))

    def test_page_is_not_kept_and_tells_nobody(self) -> None:
        headers = dict(self.ask('/vnc.html').headers)
        self.assertEqual('no-store', headers['Cache-Control'])
        self.assertEqual('no-referrer', headers['Referrer-Policy'])
        self.assertEqual('nosniff', headers['X-Content-Type-Options'])
        self.assertEqual('text/html; charset=utf-8', headers['Content-Type'])

    def test_other_consoles_have_pages_of_their_own(self) -> None:
        for path, body in (
            ('/serial.html', b'serial'),
            ('/spice.html', b'spice'),
            ('/spice_auto.html', b'spice'),
        ):
            response = self.ask(path)
            self.assertEqual((200, body), (response.status, response.body))

    def test_policy_lets_the_terminal_alone_make_styles(self) -> None:
        policy = self.policy(path='/serial.html')
        self.assertEqual("'self' 'unsafe-inline'", policy['style-src'])
        self.assertEqual("'self'", policy['script-src'])
        for path in ('/spice.html', '/vnc.html'):
            self.assertEqual("'self'", self.policy(path=path)['style-src'])

    def test_policy_lets_own_scripts_run_only(self) -> None:
        policy = self.policy()
        self.assertEqual("'none'", policy['default-src'])
        self.assertEqual("'self'", policy['script-src'])
        self.assertEqual("'self'", policy['style-src'])
        self.assertEqual("'none'", policy['base-uri'])
        self.assertEqual("'none'", policy['form-action'])

    def test_policy_lets_the_own_host_be_connected_to_only(self) -> None:
        self.assertEqual(
            "'self' ws://proxy:6080 wss://proxy:6080",
            self.policy()['connect-src'],
        )

    def test_host_cannot_add_to_the_policy(self) -> None:
        for host in ('a; script-src *', "a 'unsafe-inline'", '[::1]:1', 'a,b'):
            policy = self.policy(host)
            self.assertEqual("'self' ws: wss:", policy['connect-src'])
            self.assertEqual("'self'", policy['script-src'])

    def test_allowed_origins_may_frame_the_page(self) -> None:
        self.files = self.load('https://dash.example.com', 'http://b:8080')
        self.assertEqual(
            "'self' http://b:8080 https://dash.example.com",
            self.policy()['frame-ancestors'],
        )

    def test_missing_build_is_said_in_words(self) -> None:
        (self.root / 'vnc.html').unlink()
        self.files = self.load()
        response = self.ask('/vnc_auto.html')
        self.assertEqual(503, response.status)
        self.assertIn(b'tools/standalone', response.body)
        self.assertIn(b'npm run build', response.body)

    def test_missing_directory_is_no_error(self) -> None:
        self.root = self.root / 'nowhere'
        self.files = self.load()
        self.assertEqual(503, self.ask('/vnc.html').status)
        self.assertEqual(404, self.ask('/assets/app.js').status)


class Front:
    api_url = 'http://127.0.0.1:8774'

    def consoles(self) -> dict[str, list[str]]:
        return {}


class FrontPageTest(StaticTest):
    def test_there_is_none_where_none_is_wanted(self) -> None:
        self.assertIn(b'WebSocket', self.ask('/').body)
        self.assertEqual(404, self.ask('/index.html').status)

    def test_it_is_the_first_page(self) -> None:
        self.files = self.load(front=Front())
        for path in ('/', '/index.html'):
            response = self.ask(path)
            self.assertEqual((200, b'index'), (response.status, response.body))

    def test_its_policy_lets_the_api_be_asked(self) -> None:
        self.files = self.load(front=Front())
        policy = self.policy(path='/')
        self.assertEqual("'self' http://127.0.0.1:8774", policy['connect-src'])
        self.assertEqual("'self'", policy['style-src'])

    def test_other_pages_may_not_ask_the_api(self) -> None:
        self.files = self.load(front=Front())
        self.assertNotIn('8774', self.policy()['connect-src'])


class AssetTest(StaticTest):
    def test_content_and_type(self) -> None:
        for path, body, media_type in (
            ('/assets/app.js', b'run()', 'text/javascript; charset=utf-8'),
            ('/assets/deep/x.css', b'a {}', 'text/css; charset=utf-8'),
            ('/assets/blob', b'\x00', 'application/octet-stream'),
        ):
            response = self.ask(path)
            self.assertEqual((200, body), (response.status, response.body))
            headers = dict(response.headers)
            self.assertEqual(media_type, headers['Content-Type'])
            self.assertEqual('nosniff', headers['X-Content-Type-Options'])

    def test_known_content_is_not_sent_again(self) -> None:
        tag = dict(self.ask('/assets/app.js').headers)['ETag']
        for value in (tag, f'W/{tag}', f'"x", {tag}', '*'):
            response = self.ask('/assets/app.js', if_none_match=value)
            self.assertEqual((304, b''), (response.status, response.body))

    def test_other_content_is_sent(self) -> None:
        response = self.ask('/assets/app.js', if_none_match='"x"')
        self.assertEqual(200, response.status)

    def test_tag_follows_the_content(self) -> None:
        before = dict(self.ask('/assets/app.js').headers)['ETag']
        (self.root / 'assets' / 'app.js').write_bytes(b'walk()')
        self.files = self.load()
        self.assertNotEqual(
            before, dict(self.ask('/assets/app.js').headers)['ETag']
        )


class BoundaryTest(StaticTest):
    def test_no_path_leads_out_of_the_root(self) -> None:
        for path in (
            '/../secret.txt',
            '/assets/../../secret.txt',
            '/assets/%2e%2e/%2e%2e/secret.txt',
            '/assets/..%2f..%2fsecret.txt',
            '/assets/..\\..\\secret.txt',
            '//secret.txt',
            f'/{self.root.parent}/secret.txt',
        ):
            self.assertEqual(404, self.ask(path).status, path)

    def test_symbolic_links_out_of_the_root_are_not_followed(self) -> None:
        link = self.root / 'assets' / 'link.txt'
        link.symlink_to(self.root.parent / 'secret.txt')
        self.files = self.load()
        self.assertEqual(404, self.ask('/assets/link.txt').status)

    def test_nothing_is_listed(self) -> None:
        for path in ('/assets', '/assets/', '/assets/deep/', '/static/'):
            self.assertEqual(404, self.ask(path).status, path)

    def test_nothing_is_redirected(self) -> None:
        # CVE-2021-3654
        for path in (
            '//evil',
            '///evil',
            '/\\evil',
            '/%2fevil',
            '//evil/%2F..',
            '//evil.example.com/%2e%2e',
            '/assets',
        ):
            response = self.ask(path)
            self.assertEqual(404, response.status)
            self.assertNotIn('location', dict(response.headers))

    def test_other_methods_are_refused(self) -> None:
        for method in ('POST', 'PUT', 'DELETE', 'TRACE', 'X'):
            response = self.ask('/vnc.html', method)
            self.assertEqual(405, response.status)
            self.assertIn(('Allow', 'GET, HEAD, OPTIONS'), response.headers)

    def test_options_are_told_and_let_no_other_site_in(self) -> None:
        for path in ('/', '*', '/vnc.html', '/nothing'):
            response = self.ask(path, 'OPTIONS', origin='https://evil')
            self.assertEqual((204, b''), (response.status, response.body))
            headers = dict(response.headers)
            self.assertEqual('GET, HEAD, OPTIONS', headers['Allow'])
            self.assertNotIn('Access-Control-Allow-Origin', headers)

    def test_first_path_is_well_for_whoever_brings_no_token(self) -> None:
        for method in ('GET', 'HEAD'):
            self.assertEqual(200, self.ask('/', method).status)

    def test_socket_paths_say_what_they_are_for(self) -> None:
        self.assertEqual(426, self.ask('/websockify').status)
        self.assertEqual(426, self.ask('/', query='token=x').status)
