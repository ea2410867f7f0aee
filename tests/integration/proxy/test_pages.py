# SPDX-License-Identifier: Apache-2.0
"""The pages in a browser, through the real proxy, from the front page on."""

from playwright import sync_api

from tests import base
from tests.fixtures import browser
from tests.fixtures import parts
from tests.fixtures import standalone


class FrontPageTest(base.TestCase):
    def setUp(self) -> None:
        super().setUp()
        parts.require(self, 'page', 'chromium')
        self.service = self.useFixture(standalone.Standalone('--driver=fake'))
        chromium = self.useFixture(browser.Chromium())
        sync_api.expect.set_options(timeout=browser.DEADLINE * 1000)
        url = self.service.facts['proxy_url']
        self.page = chromium.open_console(f'{url}/').page
        self.lines: list[str] = []
        self.page.on('console', lambda line: self.lines.append(line.text))
        identifier = self.service.server_id('demo-1')
        self.row = self.page.locator(f'[data-id="{identifier}"]')

    def open(self, button: str) -> browser.ConsolePage:
        """What opens behind this button, once it is connected."""
        with self.page.expect_popup() as opened:
            self.row.get_by_role('button', name=button).click()
        tab = browser.ConsolePage(opened.value)
        tab.page.on('console', lambda line: self.lines.append(line.text))
        tab.page.set_default_timeout(browser.DEADLINE * 1000)
        tab.wait_for_state('connected')
        return tab

    def assert_policy_was_kept(self) -> None:
        policy = 'Content Security Policy'
        self.assertEqual([], [line for line in self.lines if policy in line])

    def test_servers_are_listed_with_their_consoles(self) -> None:
        buttons = self.row.get_by_role('button')
        sync_api.expect(buttons).to_have_text(['VNC', 'Serial', 'Log'])
        self.assert_policy_was_kept()

    def test_screen_is_one_click_away(self) -> None:
        self.open('VNC').wait_for_colours()
        self.assert_policy_was_kept()

    def test_serial_line_takes_a_command_and_answers(self) -> None:
        tab = self.open('Serial')
        tab.page.keyboard.type('help\n')
        screen = tab.page.locator('.xterm-rows')
        sync_api.expect(screen).to_contain_text('hostname')
        self.assert_policy_was_kept()

    def test_log_is_one_click_away(self) -> None:
        self.row.get_by_role('button', name='Log').click()
        log = self.page.locator('#log-text')
        sync_api.expect(log).to_contain_text('demo-1 has booted')
