# SPDX-License-Identifier: Apache-2.0
"""Each state of each page in narrow and wide, light and dark.

Pictures of them go to doc/build/screenshots.
"""

import pathlib

from playwright.sync_api import expect
from playwright.sync_api import ViewportSize

from tests.fixtures import stub_api
from tests.integration.web import case

FOLDER = pathlib.Path(__file__).parents[3] / 'doc' / 'build' / 'screenshots'
SIZES: dict[str, ViewportSize] = {
    'wide': {'width': 1100, 'height': 680},
    'narrow': {'width': 360, 'height': 640},
    'frame': {'width': 640, 'height': 260},
}
#: Name, page, token, state.
STATES = [
    ('vnc-connecting', 'vnc', 'silent', 'connecting'),
    ('vnc-connected', 'vnc', 'screen', 'connected'),
    ('vnc-waiting', 'vnc', 'screen-4005.close-4003', 'waiting'),
    ('vnc-expired', 'vnc', 'close-4001', 'ended'),
    ('vnc-in-use', 'vnc', 'close-4008', 'ended'),
    ('vnc-refused', 'vnc', '', 'refused'),
    ('serial-connected', 'serial', 'line', 'connected'),
    ('serial-waiting', 'serial', 'line-1001.close-1001', 'waiting'),
    ('serial-ended', 'serial', 'line-4009', 'ended'),
    ('spice-connecting', 'spice', 'silent', 'connecting'),
    ('spice-ended', 'spice', 'close-4004', 'ended'),
]
#: What sticks out of the window, though nothing may.
OUTSIDE = """() => {
  const shown = ['.bar', '.actions > *', '#notice', '#notice > *', 'dialog',
    'td > *', '.consoles > *', '.list', '.item'];
  const {innerWidth, innerHeight} = window;
  return [...document.querySelectorAll(shown.join(','))]
    .filter((item) => item.checkVisibility({visibilityProperty: true}))
    .filter((item) => !item.matches('[data-state=connected] #notice, '
      + '[data-state=connected] #notice *'))
    .filter((item) => {
      const {left, right, top, bottom} = item.getBoundingClientRect();
      const isLow = bottom > innerHeight + 1
        && !item.closest('#notice, .list, table, dialog');
      return left < -1 || right > innerWidth + 1 || top < -1 || isLow;
    })
    .map((item) => item.outerHTML.slice(0, 80));
}"""
SCROLLS_ASIDE = """() => document.documentElement.scrollWidth
    > document.documentElement.clientWidth"""


class LayoutTest(case.PageCase):
    def look(self, name: str) -> None:
        """Take pictures in each size and colour; nothing may stick out."""
        FOLDER.mkdir(parents=True, exist_ok=True)
        for label, size in SIZES.items():
            self.page.set_viewport_size(size)
            for scheme in ('light', 'dark'):
                self.page.emulate_media(
                    color_scheme=scheme,  # type: ignore[arg-type]
                )
                file = FOLDER / f'{name}-{label}-{scheme}.png'
                self.page.screenshot(path=file)
            with self.subTest(name=name, size=label):
                self.assertEqual([], self.page.evaluate(OUTSIDE))
                self.assertFalse(self.page.evaluate(SCROLLS_ASIDE))

    def test_no_state_of_a_console_page_sticks_out(self) -> None:
        for name, page, token, state in STATES:
            query = f'token={token}&title=web-1 (a name of some length)'
            self.open(query, state, f'/{page}.html')
            self.look(name)

    def test_no_menu_sticks_out(self) -> None:
        for page, token in (('vnc', 'screen'), ('serial', 'line')):
            for menu in ('keys', 'more'):
                self.open(f'token={token}', 'connected', f'/{page}.html')
                self.page.locator(f'#{menu}').click()
                self.look(f'{page}-menu-{menu}')

    def test_no_dialog_sticks_out(self) -> None:
        for entry in ('open-text', 'open-help'):
            self.open('token=clipboard', 'connected', '/vnc.html')
            self.choose('more', entry)
            self.look(f'vnc-{entry}')

    def test_the_list_of_servers_does_not_stick_out(self) -> None:
        api = self.useFixture(stub_api.StubApi())
        identifier = '0e2d9d7a-2c51-4d1e-8a1b-5e1f6f9f0c11'
        types = ['novnc', 'spice-html5', 'serial', 'spice-direct']
        self.proxy.front = {
            'api_url': api.url,
            'consoles': {identifier: types},
        }
        self.page.goto(self.proxy.url)
        expect(self.page.locator('#nothing')).to_contain_text('no servers')
        self.look('front-empty')
        api.servers = [
            {'id': identifier, 'name': 'n' * 120, 'status': 'ACTIVE'}
        ]
        expect(self.page.locator('.open')).to_have_count(4)
        self.look('front-list')
        self.page.get_by_role('button', name='Log').click()
        self.look('front-log')
