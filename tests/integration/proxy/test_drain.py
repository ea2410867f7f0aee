# SPDX-License-Identifier: Apache-2.0
"""Pages of a proxy that goes down and lets its sessions go on for a while."""

import threading

from playwright import sync_api

from tests.fixtures import browser
from tests.fixtures import driver
from tests.integration.proxy import test_single_use


class _DrainCase(test_single_use.SingleUseCase):
    def setUp(self) -> None:
        super().setUp()
        sync_api.expect.set_options(timeout=browser.DEADLINE * 1000)

    def drain(self) -> None:
        thread = threading.Thread(target=self.proxy.stop, args=(5.0, 600.0))
        self.addCleanup(thread.join)
        self.addCleanup(self.proxy.hurry)
        thread.start()

    def assert_told(self, tab: browser.ConsolePage) -> None:
        note = tab.page.locator('#note')
        sync_api.expect(note).to_contain_text('going down. In 10 min')
        tab.wait_for_state('connected')


class DrainTest(_DrainCase):
    def test_page_of_a_screen_says_so_and_goes_on(self) -> None:
        tab = self._open(self._url('vnc', 'novnc', 'vnc_auto.html'))
        tab.wait_for_colours()
        self.drain()
        self.assert_told(tab)

    def test_page_of_a_line_says_so_and_goes_on(self) -> None:
        tab = self._open(self._url('serial', 'serial', 'serial.html'))
        self.drain()
        self.assert_told(tab)
        tab.page.keyboard.type('help\n')
        screen = tab.page.locator('.xterm-rows')
        sync_api.expect(screen).to_contain_text('hostname')


class SpiceTest(_DrainCase):
    driver = driver.EveryConsole

    def test_page_says_so_and_goes_on(self) -> None:
        tab = self._open_spice()
        self.drain()
        self.assert_told(tab)
