# SPDX-License-Identifier: Apache-2.0
"""The page that lists the servers, in a real browser."""

from playwright.sync_api import expect
from playwright.sync_api import Locator

from tests.fixtures import stub_api
from tests.integration.web import case

ID = '0e2d9d7a-2c51-4d1e-8a1b-5e1f6f9f0c11'
OTHER = '1f3e0e8b-3d62-4e2f-9b2c-6f207a0a1d22'
HOSTILE = '<img src=x onerror=alert(1)>\u202e"\''


def server(
    identifier: str = ID, name: str = 'web-1', status: str = 'ACTIVE'
) -> dict[str, object]:
    return {'id': identifier, 'name': name, 'status': status}


class FrontPageTest(case.PageCase):
    def setUp(self) -> None:
        super().setUp()
        self.api = self.useFixture(stub_api.StubApi())
        self.offer('novnc', 'serial', 'spice-direct', 'webmks')

    def offer(self, *types: str) -> None:
        self.proxy.front = {
            'api_url': self.api.url,
            'consoles': {ID: list(types)},
        }

    def open_front(self, *servers: dict[str, object]) -> Locator:
        """Open the page with these servers; the row of the first."""
        self.api.servers = list(servers)
        self.page.goto(f'{self.proxy.url}/')
        return self.page.locator(f'[data-id="{ID}"]')

    def test_a_server_is_listed_with_what_it_offers(self) -> None:
        row = self.open_front(server(), server(OTHER, 'db', 'SHUTOFF'))
        expect(row.locator('.name')).to_have_text('web-1')
        expect(row.locator('.id')).to_have_text(ID)
        expect(row.locator('.status')).to_have_text('ACTIVE')
        expect(row.get_by_role('button')).to_have_text(
            ['VNC', 'Serial', 'SPICE file (.vv)', 'Log']
        )
        other = self.page.locator(f'[data-id="{OTHER}"]')
        expect(other).to_contain_text('offers no console')
        version = 'compute 2.99'
        request = ('GET', '/v2.1/servers/detail', version, None)
        self.assertEqual(request, self.api.requests[0])

    def test_a_button_opens_the_console_in_a_tab_of_its_own(self) -> None:
        query = '/vnc_auto.html?path=%3Ftoken%3Dscreen'
        self.api.consoles = {'novnc': self.proxy.url + query}
        row = self.open_front(server())
        with self.page.expect_popup() as opened:
            row.get_by_role('button', name='VNC').click()
        tab = opened.value
        state = tab.locator('#state')
        expect(state).to_have_attribute('data-state', 'connected')
        expect(tab.locator('#title')).to_have_text('web-1')
        self.assertIsNone(tab.evaluate('window.opener'))
        expected = {'remote_console': {'protocol': 'vnc', 'type': 'novnc'}}
        self.assertEqual(
            expected,
            next(body for *_, body in self.api.requests if body),
        )

    def test_a_serial_line_is_opened_in_the_page_for_it(self) -> None:
        host = self.proxy.url.removeprefix('http:')
        self.api.consoles = {'serial': f'ws:{host}/?token=line'}
        row = self.open_front(server())
        with self.page.expect_popup() as opened:
            row.get_by_role('button', name='Serial').click()
        state = opened.value.locator('#state')
        expect(state).to_have_attribute('data-state', 'connected')
        self.assertIn('/serial.html', opened.value.url)

    def test_an_address_that_is_none_is_not_opened(self) -> None:
        self.api.consoles = {'novnc': 'javascript:alert(1)//?token=t'}
        row = self.open_front(server())
        row.get_by_role('button', name='VNC').click()
        expect(row.locator('.message')).to_contain_text('cannot read')

    def test_what_the_api_refuses_is_told_in_its_words(self) -> None:
        self.api.fault = f'{HOSTILE} is off.'
        row = self.open_front(server())
        row.get_by_role('button', name='VNC').click()
        expect(row.locator('.message')).to_have_text(self.api.fault)
        self.assertEqual(0, self.page.locator('img').count())

    def test_the_console_log_is_shown_as_text(self) -> None:
        self.api.log = f'line 1\n{HOSTILE}\n'
        row = self.open_front(server())
        row.get_by_role('button', name='Log').click()
        log = self.page.locator('#log-text')
        expect(log).to_contain_text(HOSTILE)
        self.assertEqual(0, self.page.locator('img').count())
        expected = {'os-getConsoleOutput': {'length': 200}}
        self.assertEqual(expected, self.api.requests[-1][3])
        self.page.keyboard.press('Escape')
        expect(log).to_be_hidden()

    def test_a_hostile_name_is_text(self) -> None:
        row = self.open_front(server(name=HOSTILE))
        shown = HOSTILE.replace('\u202e', '')
        expect(row.locator('.name')).to_have_text(shown)
        self.assertEqual(0, self.page.locator('img').count())
        self.assert_policy_was_kept()

    def test_the_list_follows_what_happens(self) -> None:
        row = self.open_front(server())
        expect(row.locator('.status')).to_have_text('ACTIVE')
        row.get_by_role('button', name='Log').focus()
        self.api.servers = [
            server(OTHER, 'new'),
            server(status='SHUTOFF'),
        ]
        expect(row.locator('.status')).to_have_text('SHUTOFF')
        expect(self.page.locator('#rows > tr')).to_have_count(2)
        # Who is on a button stays on it.
        expect(row.get_by_role('button', name='Log')).to_be_focused()
        self.api.servers = [server(OTHER, 'new')]
        expect(row).to_have_count(0)

    def test_an_empty_list_is_told_in_words(self) -> None:
        self.open_front()
        nothing = self.page.locator('#nothing')
        expect(nothing).to_contain_text('There are no servers')

    def test_an_api_that_is_gone_is_told_in_words(self) -> None:
        self.api.stop()
        self.open_front(server())
        nothing = self.page.locator('#nothing')
        expect(nothing).to_contain_text('The API does not answer')

    def test_an_api_that_comes_back_is_seen(self) -> None:
        row = self.open_front(server())
        expect(row).to_be_visible()
        self.api.stop()
        trouble = self.page.locator('#trouble')
        expect(trouble).to_contain_text('This list is old')
        self.api.start()
        expect(trouble).to_be_hidden()
