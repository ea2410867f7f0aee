# SPDX-License-Identifier: Apache-2.0
"""What the frame of every console page offers, seen on the VNC page."""

import io
import pathlib
import tempfile

from PIL import Image
from playwright.sync_api import expect

from tests.fixtures import parts
from tests.fixtures import spice_guest
from tests.fixtures import stub_consoles
from tests.integration.web import case
from tests.integration.web.test_vnc import key_event
from tests.integration.web.test_vnc import presses
from tests.integration.web.test_vnc import SHOWN

CONTROL = 0xFFE3
ALT = 0xFFE9
SHIFT = 0xFFE1
DELETE = 0xFFFF
ENTER = 0xFF0D
F1 = 0xFFBE

#: A ClientCutText (RFC 6143, 7.5.6) begins with this.
CUT_TEXT = b'\x06\x00\x00\x00'


class WaitingTest(case.PageCase):
    def test_a_server_that_comes_back_is_connected_by_itself(self) -> None:
        token = 'screen-4005.close-4003.screen'
        self.open(f'path=%3Ftoken%3D{token}', 'waiting')
        expect(self.state).to_have_attribute('data-code', '4005')
        self.expect_state('connected')
        self.assertEqual([token] * 3, self.proxy.tokens)

    def test_a_server_that_is_off_is_told_in_words(self) -> None:
        self.open('token=close-4005.close-4003', 'waiting')
        expect(self.state).to_contain_text('The server closed the console')
        expect(self.state).to_contain_text('The server is off')

    def test_a_proxy_that_goes_down_is_waited_for(self) -> None:
        self.open('token=screen-1001', 'waiting')
        expect(self.state).to_contain_text('The console proxy is going down')

    def test_a_lost_connection_is_told_and_made_again(self) -> None:
        self.open('token=lost.screen', 'waiting')
        expect(self.state).to_contain_text('connection was lost')
        self.expect_state('connected')

    def test_a_token_that_has_expired_ends_the_waiting(self) -> None:
        page = self.open('token=close-4005.close-4001', 'waiting')
        self.expect_state('ended')
        expect(self.state).to_contain_text('expired, was revoked')
        expect(page.locator('#stop')).to_be_hidden()

    def test_the_user_can_stop_the_waiting(self) -> None:
        page = self.open('token=close-4005', 'waiting')
        page.locator('#stop').click()
        self.expect_state('ended')
        expect(self.state).to_contain_text('no longer tries')
        expect(page.locator('#countdown')).to_be_empty()

    def test_the_user_can_disconnect(self) -> None:
        page = self.open(SHOWN, 'connected')
        self.choose('more', 'disconnect')
        self.expect_state('ended')
        expect(self.state).to_contain_text('You ended the session')
        page.locator('#reconnect').click()
        self.expect_state('connected')

    def test_a_session_that_was_taken_over_stays_so(self) -> None:
        self.open('token=screen-4009', 'ended')
        expect(self.state).to_contain_text('Another session took over')


class MenuTest(case.PageCase):
    def test_the_menu_sends_a_combination(self) -> None:
        self.open(SHOWN, 'connected')
        self.choose('keys', 'key-ctrl-alt-f2')
        expected = presses(CONTROL, ALT, F1 + 1)
        self.wait_until(lambda: expected in self.proxy.received)

    def test_the_menu_works_by_keyboard(self) -> None:
        page = self.open(SHOWN, 'connected')
        page.locator('#keys').focus()
        page.keyboard.press('ArrowDown')
        expect(page.locator('#key-windows')).to_be_focused()
        page.keyboard.press('ArrowUp')
        expect(page.locator('#key-ctrl-alt-f12')).to_be_focused()
        page.keyboard.press('p')
        expect(page.locator('#key-print')).to_be_focused()
        page.keyboard.press('Home')
        expect(page.locator('#key-windows')).to_be_focused()
        page.keyboard.press('Enter')
        expect(page.locator('#keys-menu')).to_be_hidden()
        expect(page.locator('#keys')).to_be_focused()
        expected = presses(0xFFEB)
        self.wait_until(lambda: expected in self.proxy.received)

    def test_escape_closes_the_menu_and_goes_back_to_its_button(self) -> None:
        page = self.open(SHOWN, 'connected')
        button = page.locator('#more')
        button.click()
        expect(button).to_have_attribute('aria-expanded', 'true')
        page.keyboard.press('Escape')
        expect(page.locator('#more-menu')).to_be_hidden()
        expect(button).to_have_attribute('aria-expanded', 'false')
        expect(button).to_be_focused()

    def test_a_click_elsewhere_closes_the_menu(self) -> None:
        page = self.open(SHOWN, 'connected')
        page.locator('#more').click()
        page.locator('#screen canvas').click()
        expect(page.locator('#more-menu')).to_be_hidden()

    def test_without_a_connection_the_menu_sends_nothing(self) -> None:
        page = self.open('token=close-4008', 'ended')
        page.locator('#keys').click()
        entry = page.locator('#key-tab')
        expect(entry).to_have_attribute('aria-disabled', 'true')

    def test_every_button_has_a_name(self) -> None:
        page = self.open(SHOWN, 'connected')
        for button in page.get_by_role('button', include_hidden=True).all():
            name = button.get_attribute('aria-label') or button.text_content()
            self.assertTrue((name or '').strip(), button)

    def test_the_screen_in_real_size(self) -> None:
        page = self.open(SHOWN, 'connected')
        self.choose('more', 'scale')
        canvas = page.locator('#screen canvas')

        def is_real() -> bool:
            box = canvas.bounding_box()
            return box is not None and box['width'] == stub_consoles.WIDTH

        self.wait_until(is_real)
        scale = page.locator('#scale')
        expect(scale).to_have_attribute('aria-checked', 'false')

    def test_a_picture_is_saved(self) -> None:
        page = self.open(f'{SHOWN}&title=../web 1', 'connected')
        with page.expect_download() as download:
            self.choose('more', 'save')
        name = download.value.suggested_filename
        self.assertRegex(name, r'^web-1-[0-9T-]+\.png$')
        with tempfile.TemporaryDirectory() as folder:
            file = pathlib.Path(folder) / 'saved'
            download.value.save_as(file)
            image = Image.open(io.BytesIO(file.read_bytes())).convert('RGB')
        self.assertEqual(
            (stub_consoles.WIDTH, stub_consoles.HEIGHT), image.size
        )
        self.assertEqual(stub_consoles.COLOUR, image.getpixel((5, 5)))

    def test_the_keyboard_is_explained(self) -> None:
        page = self.open(SHOWN, 'connected')
        self.choose('more', 'open-help')
        expect(page.locator('#help-dialog')).to_contain_text('US layout')
        page.keyboard.press('Escape')
        expect(page.locator('#help-dialog')).to_be_hidden()


class TextTest(case.PageCase):
    context_options = {'permissions': ['clipboard-read', 'clipboard-write']}

    def test_a_text_is_typed_key_by_key(self) -> None:
        page = self.open(SHOWN, 'connected')
        self.choose('more', 'open-text')
        page.locator('#text-input').fill('aB\n')
        page.locator('#text-type').click()
        expected = presses(ord('a')) + presses(SHIFT, ord('B'))
        expected += presses(ENTER)
        self.wait_until(lambda: expected in self.proxy.received)
        progress = page.locator('#text-progress')
        expect(progress).to_have_text('All of it was sent.')

    def test_shift_is_held_while_the_text_needs_it(self) -> None:
        page = self.open(SHOWN, 'connected')
        self.choose('more', 'open-text')
        page.locator('#text-input').fill('AB')
        page.locator('#text-type').click()
        expected = key_event(True, SHIFT) + presses(ord('A'))
        expected += presses(ord('B')) + key_event(False, SHIFT)
        self.wait_until(lambda: expected in self.proxy.received)

    def test_a_text_that_is_stopped_leaves_no_key_down(self) -> None:
        page = self.open(SHOWN, 'connected')
        self.choose('more', 'open-text')
        page.locator('#text-input').fill('X' * 500)
        page.locator('#text-type').click()
        down, up = (key_event(is_down, SHIFT) for is_down in (True, False))
        self.wait_until(lambda: down in self.proxy.received)
        self.assertNotIn(up, self.proxy.received)
        page.locator('#text-stop').click()
        self.wait_until(lambda: up in self.proxy.received)

    def test_a_server_that_takes_any_character_gets_it(self) -> None:
        page = self.open(SHOWN, 'connected')
        self.choose('more', 'open-text')
        page.locator('#text-input').fill('\u00fc')
        expect(page.locator('#text-unable')).to_be_hidden()
        page.locator('#text-type').click()
        self.wait_until(lambda: presses(0xFC) in self.proxy.received)

    def test_what_qemu_cannot_take_is_named_and_stays_in_the_box(self) -> None:
        parts.require(self, 'qemu')
        qemu = self.useFixture(spice_guest.VncGuest())
        self.proxy.target = ('127.0.0.1', qemu.port)
        page = self.open('token=bridge', 'connected')
        self.choose('more', 'open-text')
        text = 'a\u00fcb\u20acc\u00fc'
        page.locator('#text-input').fill(text)
        unable = page.locator('#text-unable')
        expect(unable).to_contain_text('types \u00fc \u20ac, so')
        page.locator('#text-type').click()
        progress = page.locator('#text-progress')
        expect(progress).to_contain_text('3 characters cannot be typed')
        expect(page.locator('#text-input')).to_have_value(text)
        typed = [key for key in qemu.key_events() if key.endswith('down 1')]
        self.assertEqual(['a, down 1', 'b, down 1', 'c, down 1'], typed)

    def test_a_long_text_comes_with_a_warning(self) -> None:
        page = self.open(SHOWN, 'connected')
        self.choose('more', 'open-text')
        text = page.locator('#text-input')
        warning = page.locator('#text-warning')
        text.fill('x' * 4096)
        expect(warning).to_be_hidden()
        text.fill('x' * 4097)
        expect(warning).to_contain_text('about 2 minutes')

    def test_typing_can_be_stopped(self) -> None:
        page = self.open(SHOWN, 'connected')
        self.choose('more', 'open-text')
        page.locator('#text-input').fill('x' * 5000)
        page.locator('#text-type').click()
        self.wait_until(
            lambda: key_event(True, ord('x')) in self.proxy.received
        )
        page.locator('#text-stop').click()
        progress = page.locator('#text-progress')
        expect(progress).to_have_text('Stopped.')
        self.assertEqual('x' * 5000, page.locator('#text-input').input_value())

    def test_closing_the_dialog_stops_typing(self) -> None:
        page = self.open(SHOWN, 'connected')
        self.choose('more', 'open-text')
        page.locator('#text-input').fill('x' * 5000)
        page.locator('#text-type').click()
        self.wait_until(
            lambda: key_event(True, ord('x')) in self.proxy.received
        )
        page.keyboard.press('Escape')
        progress = page.locator('#text-progress')
        expect(progress).to_have_text('Stopped.')

    def test_a_text_goes_to_the_clipboard_of_the_server(self) -> None:
        page = self.open(SHOWN, 'connected')
        self.choose('more', 'open-text')
        page.locator('#text-input').fill('paste me')
        page.locator('#text-to-clipboard').click()
        expected = CUT_TEXT + b'\x00\x00\x00\x08paste me'
        self.wait_until(lambda: expected in self.proxy.received)

    def test_the_clipboard_of_the_server_is_shown_and_copied(self) -> None:
        page = self.open('path=%3Ftoken%3Dclipboard', 'connected')
        self.choose('more', 'open-text')
        shown = page.locator('#text-from-server')
        expect(shown).to_have_value(stub_consoles.COPIED)
        page.locator('#text-copy').click()
        expect(page.locator('#text-progress')).to_have_text('Copied.')
        self.assertEqual(
            stub_consoles.COPIED,
            page.evaluate('navigator.clipboard.readText()'),
        )

    def test_the_server_does_not_reach_the_clipboard_unasked(self) -> None:
        self.page.goto(self.proxy.url)
        self.page.evaluate('navigator.clipboard.writeText("mine")')
        page = self.open('path=%3Ftoken%3Dclipboard', 'connected')
        shown = page.locator('#text-from-server')
        expect(shown).to_have_value(stub_consoles.COPIED)
        self.assertEqual(
            'mine', page.evaluate('navigator.clipboard.readText()')
        )

    def test_a_shared_clipboard_reaches_the_server(self) -> None:
        page = self.open(SHOWN, 'connected')
        self.choose('more', 'open-text')
        page.locator('#text-share').check()
        page.evaluate('navigator.clipboard.writeText("shared")')
        page.evaluate('window.dispatchEvent(new Event("focus"))')
        expected = CUT_TEXT + b'\x00\x00\x00\x06shared'
        self.wait_until(lambda: expected in self.proxy.received)


class TouchTest(case.PageCase):
    context_options = {'has_touch': True}

    def test_a_finger_on_ctrl_alt_del_is_asked_back(self) -> None:
        page = self.open(SHOWN, 'connected')
        page.locator('#send-ctrl-alt-del').tap()
        asked = page.locator('#restart-dialog')
        expect(asked).to_be_visible()
        asked.locator('[data-close]').tap()
        expect(asked).to_be_hidden()
        self.assertNotIn(key_event(True, DELETE), self.proxy.received)
        page.locator('#send-ctrl-alt-del').tap()
        page.locator('#restart-send').tap()
        expected = presses(CONTROL, ALT, DELETE)
        self.wait_until(lambda: expected in self.proxy.received)

    def test_the_on_screen_keyboard_types(self) -> None:
        page = self.open(SHOWN, 'connected')
        page.locator('#touch').tap()
        expect(page.locator('#touch-input')).to_be_focused()
        page.keyboard.insert_text('aB')
        page.keyboard.press('Backspace')
        page.keyboard.press('Enter')
        expected = presses(ord('a')) + presses(SHIFT, ord('B'))
        expected += presses(0xFF08) + presses(ENTER)
        self.wait_until(lambda: expected in self.proxy.received)
