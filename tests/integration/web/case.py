# SPDX-License-Identifier: Apache-2.0
"""The base class of the tests of the pages in a real browser."""

from collections.abc import Callable
import time
from typing import ClassVar

from playwright.sync_api import Browser
from playwright.sync_api import expect
from playwright.sync_api import FrameLocator
from playwright.sync_api import Locator
from playwright.sync_api import Page
from playwright.sync_api import Playwright
from playwright.sync_api import sync_playwright

from tests import base
from tests.fixtures import parts
from tests.fixtures import stub_proxy

DEADLINE = 30.0


class PageCase(base.TestCase):
    """A page of the stand-in for the proxy in a browser of its own.

    ``lines`` are what the page has written to the browser's log.
    """

    #: What the browser's context is made with.
    context_options: ClassVar[dict[str, object]] = {}
    _playwright: ClassVar[Playwright | None] = None
    _browser: ClassVar[Browser | None] = None

    @classmethod
    def tearDownClass(cls) -> None:
        if PageCase._browser is not None:
            PageCase._browser.close()
        if PageCase._playwright is not None:
            PageCase._playwright.stop()
        PageCase._browser = PageCase._playwright = None
        super().tearDownClass()

    def setUp(self) -> None:
        super().setUp()
        parts.require(self, 'page', 'chromium')
        if PageCase._playwright is None:
            PageCase._playwright = sync_playwright().start()
        if PageCase._browser is None:
            PageCase._browser = PageCase._playwright.chromium.launch(
                executable_path=parts.chromium(), args=['--no-sandbox']
            )
        self.proxy = self.useFixture(stub_proxy.StubProxy())
        context = PageCase._browser.new_context(
            **self.context_options,  # type: ignore[arg-type]
        )
        self.addCleanup(context.close)
        self.page = context.new_page()
        self.page.set_default_timeout(DEADLINE * 1000)
        expect.set_options(timeout=DEADLINE * 1000)
        self.lines: list[str] = []
        self.page.on('console', lambda line: self.lines.append(line.text))
        self.page.on('pageerror', lambda line: self.lines.append(str(line)))

    def open(
        self, query: str, state: str, path: str = '/vnc_auto.html'
    ) -> Page:
        """Open the page and wait until it is in that state."""
        self.page.goto(f'{self.proxy.url}{path}?{query}')
        self.expect_state(state)
        return self.page

    def open_framed(self, url: str) -> FrameLocator:
        """Open the page in a frame, with the focus outside of it."""
        self.page.goto(f'{self.proxy.url}/frame.html')
        self.page.locator('#search').focus()
        self.page.evaluate(
            'url => {document.querySelector("iframe").src = url}', url
        )
        frame = self.page.frame_locator('iframe')
        state = frame.locator('#state')
        expect(state).to_have_attribute('data-state', 'connected')
        return frame

    @property
    def state(self) -> Locator:
        """Where the page says in words how the session is."""
        return self.page.locator('#state')

    def expect_state(self, state: str) -> None:
        expect(self.state).to_have_attribute('data-state', state)

    def wait_until(self, condition: Callable[[], bool]) -> None:
        """Let the browser work until the condition holds."""
        deadline = time.monotonic() + DEADLINE
        while not condition():
            if time.monotonic() > deadline:
                self.fail('waited in vain')
            self.page.wait_for_timeout(20)

    def choose(self, menu: str, entry: str) -> None:
        """Choose an entry of a menu with the pointer."""
        self.page.locator(f'#{menu}').click()
        self.page.locator(f'#{entry}').click()

    def assert_policy_was_kept(self) -> None:
        policy = 'Content Security Policy'
        self.assertEqual([], [line for line in self.lines if policy in line])
