# SPDX-License-Identifier: Apache-2.0
"""The page for VNC in a real browser, against a stand-in for the proxy."""

import urllib.parse

from playwright.sync_api import expect

from tests.fixtures import stub_consoles
from tests.fixtures import stub_proxy
from tests.integration.web import case

CONTROL_LEFT = 0xFFE3
ALT_LEFT = 0xFFE9
SHIFT_LEFT = 0xFFE1
DELETE = 0xFFFF

PIXEL = """() => {
  const canvas = document.querySelector('#screen canvas');
  const {width, height} = canvas;
  const data = canvas.getContext('2d').getImageData(
    width / 2, height / 2, 1, 1).data;
  return [width, height, ...data.slice(0, 3)];
}"""
RATIO = stub_consoles.WIDTH / stub_consoles.HEIGHT
SHOWN = 'path=%3Ftoken%3Dscreen'


def key_event(is_down: bool, keysym: int) -> bytes:
    """An RFB KeyEvent (RFC 6143, 7.5.4)."""
    return bytes((4, is_down, 0, 0)) + keysym.to_bytes(4, 'big')


def presses(*keysyms: int) -> bytes:
    """The events of keys that are pressed in order, released in reverse."""
    down = b''.join(key_event(True, keysym) for keysym in keysyms)
    up = b''.join(key_event(False, keysym) for keysym in keysyms[::-1])
    return down + up


class PageTest(case.PageCase):
    def wait_for_keys(self, is_down: bool, *keysyms: int) -> None:
        """Wait until the guest has these events; others may be between."""
        events = [key_event(is_down, keysym) for keysym in keysyms]
        self.wait_until(
            lambda: all(event in self.proxy.received for event in events)
        )

    def test_the_screen_of_the_guest_is_drawn(self) -> None:
        page = self.open('path=%3Ftoken%3Dscreen', 'connected')
        expected = [
            stub_consoles.WIDTH,
            stub_consoles.HEIGHT,
            *stub_consoles.COLOUR,
        ]
        self.wait_until(lambda: page.evaluate(PIXEL) == expected)

    def test_the_screen_fits_the_window(self) -> None:
        page = self.open('path=%3Ftoken%3Dscreen', 'connected')
        canvas = page.locator('#screen canvas')
        for width, height in ((1200, 500), (400, 700)):
            page.set_viewport_size({'width': width, 'height': height})
            expected = min(
                width,
                (height - 46) * RATIO,
            )

            def fits(expected: float = expected) -> bool:
                box = canvas.bounding_box()
                return box is not None and abs(box['width'] - expected) < 4

            self.wait_until(fits)

    def test_the_content_security_policy_is_kept(self) -> None:
        self.open('path=%3Ftoken%3Dscreen', 'connected')
        self.assert_policy_was_kept()

    def test_the_token_leaves_the_address_and_the_history(self) -> None:
        page = self.open('path=%3Ftoken%3Dscreen&title=web-1(42)', 'connected')
        self.assertEqual(
            f'{self.proxy.url}/vnc_auto.html?title=web-1%2842%29', page.url
        )
        page.goto('about:blank')
        page.go_back()
        self.assertNotIn('token', page.url)

    def test_the_token_leaves_the_address_while_connecting(self) -> None:
        page = self.open('path=%3Ftoken%3Dsilent', 'connecting')
        self.assertNotIn('silent', page.url)

    def test_a_foreign_title_is_text(self) -> None:
        title = '<img src=x onerror=alert(1)>'
        page = self.open(f'path=%3Ftoken%3Dscreen&title={title}', 'connected')
        expect(page.locator('#title')).to_have_text(title)
        self.assertEqual(f'{title} - Console', page.title())
        self.assertEqual(0, page.locator('img').count())

    def test_the_name_of_the_guest_is_text(self) -> None:
        page = self.open('path=%3Ftoken%3Dscreen&title=web-1', 'connected')
        name = stub_consoles.NAME.replace('\u202e', '')
        expect(page.locator('#guest')).to_have_text(name)
        expect(page.locator('#title')).to_have_text('web-1')
        self.assertEqual(0, page.locator('img').count())

    def test_the_name_of_the_guest_is_not_shown_twice(self) -> None:
        name = stub_consoles.NAME.replace('\u202e', '')
        title = urllib.parse.quote(name)
        page = self.open(f'path=%3Ftoken%3Dscreen&title={title}', 'connected')
        expect(page.locator('#title')).to_have_text(name)
        expect(page.locator('#guest')).to_be_empty()

    def test_a_close_code_is_told_in_words(self) -> None:
        self.open('path=%3Ftoken%3Dclose-4008', 'ended')
        expect(self.state).to_have_attribute('data-code', '4008')
        expect(self.state).to_contain_text('The console is in use')
        expect(self.state).not_to_contain_text('why')

    def test_an_expired_token_offers_no_retry(self) -> None:
        page = self.open('path=%3Ftoken%3Dclose-4001', 'ended')
        expect(page.locator('#reconnect')).to_be_hidden()

    def test_a_retry_uses_the_same_token(self) -> None:
        token = 'close-4008.screen'
        page = self.open(f'path=%3Ftoken%3D{token}', 'ended')
        page.locator('#reconnect').click()
        self.expect_state('connected')
        self.assertEqual([token, token], self.proxy.tokens)
        self.assertIsNone(self.state.get_attribute('data-code'))

    def test_a_refused_upgrade_is_told_in_words(self) -> None:
        page = self.open('path=%3Ftoken%3Dforbidden', 'ended')
        expect(page.locator('#state')).to_contain_text('could not be reached')

    def test_a_console_that_wants_a_password_is_told_in_words(self) -> None:
        page = self.open('path=%3Ftoken%3Dpassword', 'ended')
        expect(self.state).to_contain_text('asks for a password')
        expect(page.locator('#reconnect')).to_be_hidden()

    def test_a_part_that_does_not_load_is_told_and_tried_again(self) -> None:
        part = '**/assets/rfb-*.js'
        self.page.route(part, lambda route: route.abort())
        page = self.open('path=%3Ftoken%3Dscreen', 'ended')
        expect(page.locator('#state')).to_contain_text('could not be loaded')
        page.unroute(part)
        page.locator('#reconnect').click()
        self.expect_state('connected')

    def test_a_guest_that_speaks_no_rfb_is_told_in_words(self) -> None:
        page = self.open('path=%3Ftoken%3Dgarbage', 'ended')
        expect(page.locator('#state')).to_contain_text('could not be shown')

    def test_a_path_to_another_host_is_not_followed(self) -> None:
        other = self.useFixture(stub_proxy.StubProxy())
        host = other.url.removeprefix('http:')
        opened: list[str] = []
        self.page.on('websocket', lambda socket: opened.append(socket.url))
        page = self.open(f'path={host}/%3Ftoken%3Dscreen', 'refused')
        expect(page.locator('#state')).to_contain_text('another host')
        self.assertEqual([], opened + other.tokens + self.proxy.tokens)

    def test_a_page_without_a_token_does_not_connect(self) -> None:
        page = self.open('', 'refused')
        expect(page.locator('#state')).to_contain_text('no console token')
        self.assertEqual([], self.proxy.tokens)

    def test_a_token_in_a_cookie_is_enough(self) -> None:
        cookie = {'name': 'token', 'value': 'x', 'url': self.proxy.url}
        self.page.context.add_cookies([cookie])  # type: ignore[list-item]
        self.page.goto(f'{self.proxy.url}/vnc_auto.html')
        self.wait_until(lambda: self.proxy.tokens == ['silent'])

    def test_the_button_sends_ctrl_alt_del(self) -> None:
        page = self.open('path=%3Ftoken%3Dscreen', 'connected')
        page.locator('#send-ctrl-alt-del').click()
        expected = presses(CONTROL_LEFT, ALT_LEFT, DELETE)
        self.wait_until(lambda: expected in self.proxy.received)

    def test_keys_go_to_the_guest_without_a_click(self) -> None:
        page = self.open('path=%3Ftoken%3Dscreen', 'connected')
        page.keyboard.press('q')
        self.wait_for_keys(True, ord('q'))
        self.wait_for_keys(False, ord('q'))

    def test_one_combination_leaves_the_screen(self) -> None:
        page = self.open('path=%3Ftoken%3Dscreen', 'connected')
        keys = (CONTROL_LEFT, ALT_LEFT, SHIFT_LEFT)
        for name in ('Control', 'Alt', 'Shift'):
            page.keyboard.down(name)
        self.wait_for_keys(True, *keys)
        page.keyboard.press('B')
        expect(page.locator('#keys')).to_be_focused()
        self.wait_for_keys(False, *keys)
        self.assertNotIn(key_event(True, ord('B')), self.proxy.received)

    def test_the_screen_can_be_reached_by_keyboard(self) -> None:
        page = self.open('path=%3Ftoken%3Dscreen', 'connected')
        page.locator('#fullscreen').focus()
        page.keyboard.press('Tab')
        expect(page.locator('#screen canvas')).to_be_focused()

    def test_a_framed_page_leaves_the_focus_alone(self) -> None:
        self.open_framed('/vnc.html?token=screen')
        self.page.keyboard.type('abc')
        expect(self.page.locator('#search')).to_have_value('abc')

    def test_a_framed_page_takes_the_keys_after_a_click(self) -> None:
        frame = self.open_framed('/vnc.html?token=screen')
        frame.locator('#screen canvas').click()
        self.page.keyboard.press('q')
        self.wait_for_keys(True, ord('q'))

    def test_the_button_fills_the_whole_screen(self) -> None:
        page = self.open('path=%3Ftoken%3Dscreen', 'connected')
        button = page.locator('#fullscreen')
        button.click()
        expect(button).to_have_text('Leave full screen')
        self.assertTrue(page.evaluate('document.fullscreenElement !== null'))
        button.click()
        expect(button).to_have_text('Full screen')
        self.assertTrue(page.evaluate('document.fullscreenElement === null'))
