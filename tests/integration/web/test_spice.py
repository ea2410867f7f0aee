# SPDX-License-Identifier: Apache-2.0
"""The page for SPICE in a real browser, with a real QEMU."""

from playwright.sync_api import expect
from playwright.sync_api import Page

from tests.fixtures import parts
from tests.fixtures import spice_guest
from tests.integration.web import case

#: How many of the canvas's pixels are not black.
LIT = """() => {
  const canvas = document.querySelector('#screen canvas');
  const {width, height} = canvas;
  const {data} = canvas.getContext('2d').getImageData(0, 0, width, height);
  let count = 0;
  for (let at = 0; at < data.length; at += 4) {
    count += data[at] + data[at + 1] + data[at + 2] > 0;
  }
  return count;
}"""

#: At most so many pixels come and go with the cursor.
BLINK = 150


class SpicePageTest(case.PageCase):
    def setUp(self) -> None:
        super().setUp()
        parts.require(self, 'qemu')
        self.qemu = self.useFixture(spice_guest.SpiceGuest())
        self.proxy.target = ('127.0.0.1', self.qemu.port)

    def open_screen(self, more: str = '') -> Page:
        query = f'token=bridge{more}'
        return self.open(query, 'connected', '/spice_auto.html')

    def lit(self) -> int:
        return int(self.page.evaluate(LIT))

    def test_the_screen_of_the_guest_is_drawn(self) -> None:
        self.open_screen()
        self.wait_until(lambda: self.lit() > 100)
        self.assert_policy_was_kept()

    def test_every_channel_uses_the_one_token(self) -> None:
        urls: set[str] = set()
        self.page.on('websocket', lambda socket: urls.add(socket.url))
        self.open_screen()
        self.wait_until(lambda: len(self.proxy.tokens) >= 4)
        self.assertEqual({'bridge'}, set(self.proxy.tokens))
        host = self.proxy.url.removeprefix('http:')
        self.assertEqual({f'ws:{host}/?token=bridge'}, urls)

    def test_the_token_is_in_no_address_and_no_log(self) -> None:
        page = self.open_screen('&title=web-1')
        self.wait_until(lambda: self.lit() > 100)
        self.assertEqual(
            f'{self.proxy.url}/spice_auto.html?title=web-1', page.url
        )
        self.assertNotIn('token=', ' '.join(self.lines))

    def test_a_key_reaches_the_guest(self) -> None:
        page = self.open_screen()
        before = self.wait_for_rest()
        page.keyboard.press('Escape')
        self.wait_until(lambda: abs(self.lit() - before) > 2 * BLINK)

    def open_keyboard(self) -> Page:
        """Open the screen and wait until keys get through."""
        page = self.open_screen()

        def has_come() -> bool:
            page.keyboard.press('F12')
            return bool(self.qemu.key_events())

        self.wait_until(has_come)
        return page

    def key_events(self) -> list[str]:
        """What came of other keys than the one that was tried first."""
        events = self.qemu.key_events()
        return [event for event in events if not event.startswith('f12,')]

    def press(self, *events: tuple[str, str, str]) -> None:
        """Key events as a browser of another system has them."""
        self.page.evaluate(
            """events => events.forEach(([type, code, key]) =>
              document.activeElement.dispatchEvent(new KeyboardEvent(
                type, {code, key, bubbles: true, cancelable: true})))""",
            [list(event) for event in events],
        )

    def test_the_keyboard_stays_when_the_guest_changes_its_mode(self) -> None:
        page = self.open_keyboard()
        page.evaluate(
            'document.querySelector("#screen canvas").dataset.old = "1"'
        )
        self.qemu.restart()
        expect(page.locator('#screen canvas[data-old]')).to_have_count(0)
        expect(page.locator('#screen canvas')).to_have_count(1)
        page.keyboard.press('a')
        self.wait_until(lambda: 'a, down 0' in self.key_events())

    def test_altgr_of_windows_is_one_key(self) -> None:
        self.page.add_init_script(
            'Object.defineProperty(navigator, "platform", '
            '{get: () => "Win32"})'
        )
        self.open_keyboard()
        self.press(
            ('keydown', 'ControlLeft', 'Control'),
            ('keydown', 'AltRight', 'AltGraph'),
            ('keydown', 'KeyQ', '@'),
            ('keyup', 'KeyQ', '@'),
            ('keyup', 'ControlLeft', 'Control'),
            ('keyup', 'AltRight', 'AltGraph'),
        )
        self.wait_until(lambda: 'alt_r, down 0' in self.key_events())
        keys = ['alt_r, down 1', 'q, down 1', 'q, down 0', 'alt_r, down 0']
        self.assertEqual(keys, self.key_events())

    def test_keys_of_a_korean_keyboard_reach_the_guest(self) -> None:
        self.open_keyboard()
        for code, key in (('Lang1', 'HangulMode'), ('Lang2', 'HanjaMode')):
            self.press(('keydown', code, key), ('keyup', code, key))
        self.wait_until(lambda: 'lang2, down 0' in self.key_events())
        self.assertIn('lang1, down 1', self.key_events())

    def test_keys_that_are_held_are_let_go_with_the_focus(self) -> None:
        page = self.open_keyboard()
        self.press(('keydown', 'ShiftLeft', 'Shift'))
        self.wait_until(lambda: 'shift, down 1' in self.key_events())
        page.locator('#keys').focus()
        self.wait_until(lambda: 'shift, down 0' in self.key_events())

    def wait_for_rest(self) -> int:
        """Wait until there is text, and only the cursor still changes."""
        seen: list[int] = []

        def is_at_rest() -> bool:
            seen.append(self.lit())
            last = seen[-25:]
            is_still = max(last) - min(last) <= BLINK
            return len(last) == 25 and is_still and min(last) > BLINK

        self.wait_until(is_at_rest)
        return seen[-1]

    def test_a_guest_that_goes_away_is_waited_for(self) -> None:
        page = self.open_screen()
        self.qemu.kill()
        self.expect_state('waiting')
        expect(self.state).to_contain_text('server')
        page.locator('#stop').click()
        self.expect_state('ended')
        expect(page.locator('#screen canvas')).to_have_count(0)

    def test_a_close_code_is_told_in_words(self) -> None:
        self.open('token=close-4001', 'ended', '/spice.html')
        expect(self.state).to_contain_text('expired, was revoked')
        self.assertEqual(['close-4001'], self.proxy.tokens)

    def test_a_server_that_speaks_no_spice_is_told_in_words(self) -> None:
        self.open('token=garbage', 'ended', '/spice.html')
        expect(self.state).to_contain_text('could not be shown')

    def test_a_framed_page_leaves_the_focus_alone(self) -> None:
        self.open_framed('/spice.html?token=bridge')
        self.page.keyboard.type('abc')
        expect(self.page.locator('#search')).to_have_value('abc')

    def test_the_screen_fits_the_window_or_has_its_real_size(self) -> None:
        page = self.open_screen()
        page.set_viewport_size({'width': 500, 'height': 700})
        canvas = page.locator('#screen canvas')

        def width() -> float:
            box = canvas.bounding_box()
            return 0 if box is None else box['width']

        self.wait_until(lambda: abs(width() - 500) < 2)
        self.choose('more', 'scale')
        real = page.evaluate('document.querySelector("#screen canvas").width')
        self.wait_until(lambda: width() == real)
