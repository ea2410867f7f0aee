# SPDX-License-Identifier: Apache-2.0
"""The page for serial lines in a real browser."""

import pathlib
import tempfile

from playwright.sync_api import expect
from playwright.sync_api import Page

from tests.fixtures import stub_consoles
from tests.fixtures import stub_proxy
from tests.integration.web import case

SHOWN = """() => [...document.querySelectorAll('.xterm-rows > div')]
    .map((row) => row.textContent.trimEnd()).join('\\n').trimEnd()"""
MODIFIER_KEYS = 'Control+Shift+'


class SerialPageTest(case.PageCase):
    context_options = {
        'permissions': ['clipboard-read', 'clipboard-write'],
        'viewport': {'width': 900, 'height': 500},
    }

    def open_line(
        self, token: str = 'line', state: str = 'connected', more: str = ''
    ) -> Page:
        return self.open(f'token={token}{more}', state, '/serial.html')

    def shown(self) -> str:
        return str(self.page.evaluate(SHOWN)).replace('\xa0', ' ')

    def wait_for_text(self, text: str) -> None:
        self.wait_until(lambda: text in self.shown())

    def test_what_is_typed_goes_out_and_what_comes_is_shown(self) -> None:
        page = self.open_line()
        page.keyboard.type('r\u00f6\u00f6t')
        self.wait_for_text('guest login: r\u00f6\u00f6t')
        self.assertEqual('r\u00f6\u00f6t'.encode(), bytes(self.proxy.received))

    def test_the_path_form_of_the_link_works(self) -> None:
        self.open('path=%3Ftoken%3Dline', 'connected', '/serial.html')
        self.assertEqual(['line'], self.proxy.tokens)
        self.assertNotIn('token', self.page.url)

    def test_the_page_asks_for_binary_frames_at_the_root(self) -> None:
        urls: list[str] = []
        self.page.on('websocket', lambda socket: urls.append(socket.url))
        self.open_line()
        host = self.proxy.url.removeprefix('http:')
        self.assertEqual([f'ws:{host}/?token=line'], urls)

    def test_a_page_below_a_prefix_connects_below_it(self) -> None:
        urls: list[str] = []
        self.page.on('websocket', lambda socket: urls.append(socket.url))
        path = f'{stub_proxy.PREFIX}/serial.html'
        self.open('token=line', 'connected', path)
        host = self.proxy.url.removeprefix('http:')
        self.assertEqual([f'ws:{host}/edge/?token=line'], urls)

    def test_the_content_security_policy_is_kept(self) -> None:
        self.open_line()
        self.wait_for_text('login')
        self.assert_policy_was_kept()

    def test_the_title_that_a_program_sets_is_text(self) -> None:
        page = self.open_line(more='&title=web-1')
        expect(page.locator('#title')).to_have_text('web-1')
        name = '<img src=x onerror=alert(1)>'
        expect(page.locator('#guest')).to_have_text(name)
        self.assertEqual(0, page.locator('img').count())

    def test_a_silent_line_says_what_to_do(self) -> None:
        page = self.open_line('silent')
        expect(page.locator('#note')).to_contain_text('Press Enter')

    def test_ten_mebibytes_are_shown_to_the_last_line(self) -> None:
        page = self.open_line('flood', 'connected')
        # The page must stay usable while it catches up.
        page.locator('#more').click()
        expect(page.locator('#more-menu')).to_be_visible()
        page.keyboard.press('Escape')
        self.wait_for_text(stub_consoles.DONE.decode())

    def test_what_was_seen_is_saved(self) -> None:
        page = self.open_line(more='&title=web-1')
        page.keyboard.type('x' * 200)
        self.wait_for_text('xxx')
        self.wait_until(lambda: len(self.proxy.received) == 200)
        with page.expect_download() as download:
            self.choose('more', 'save')
        name = download.value.suggested_filename
        self.assertRegex(name, r'^web-1-[0-9T-]+\.txt$')
        with tempfile.TemporaryDirectory() as folder:
            file = pathlib.Path(folder) / 'saved'
            download.value.save_as(file)
            text = file.read_text(encoding='utf-8')
        self.assertEqual(f'guest login: {"x" * 200}\n', text)

    def test_what_was_seen_stays_while_the_server_is_off(self) -> None:
        self.open_line('line-4005.line', 'waiting')
        self.assertIn('guest login:', self.shown())
        self.expect_state('connected')
        self.wait_for_text('[connected again]')
        self.assertEqual(2, self.shown().count('guest login:'))

    def test_the_words_at_the_end_stand_below_the_last_line(self) -> None:
        page = self.open_line('full-4001', 'ended')
        self.wait_for_text('the last line')
        rows = page.locator('.xterm-rows > div').filter(has_text='last line')

        def stands_below() -> bool:
            line = rows.bounding_box()
            card = page.locator('#notice').bounding_box()
            assert line is not None
            assert card is not None
            return line['y'] + line['height'] <= card['y']

        # The terminal gets as many rows as there is room for.
        self.wait_until(stands_below)

    def test_a_new_session_begins_with_a_fresh_terminal(self) -> None:
        page = self.open_line('modes-4005.line', 'waiting')
        self.expect_state('connected')
        self.wait_for_text('guest login:')
        self.assertEqual(
            ['$ top', '[connected again]', 'guest login:'],
            [line for line in self.shown().splitlines() if line],
        )
        screen = page.locator('#screen')
        screen.hover(position={'x': 40, 'y': 40})
        screen.click(position={'x': 80, 'y': 40})
        page.keyboard.type('x')
        self.wait_for_text('guest login: x')
        self.assertEqual(b'x', bytes(self.proxy.received))

    def test_reset_ends_what_was_switched_on(self) -> None:
        page = self.open_line()
        page.keyboard.press('Escape')
        page.keyboard.type('(0q')
        self.wait_for_text('\u2500')
        self.choose('more', 'reset')
        page.keyboard.type('q')
        self.wait_until(lambda: self.shown().endswith('\nq'))

    def test_shortcuts_are_the_keys_that_type_their_letter(self) -> None:
        page = self.open_line()
        page.evaluate(
            """() => document.activeElement.dispatchEvent(
              new KeyboardEvent('keydown', {key: 'F', code: 'KeyY',
                ctrlKey: true, shiftKey: true, bubbles: true,
                cancelable: true}))"""
        )
        expect(page.locator('#find-input')).to_be_focused()

    def test_a_selection_is_copied(self) -> None:
        page = self.open_line()
        self.wait_for_text('login')
        page.mouse.dblclick(30, 62)
        page.keyboard.press(f'{MODIFIER_KEYS}KeyC')
        expect(page.locator('#note')).to_have_text('Copied.')
        self.assertEqual(
            'guest', page.evaluate('navigator.clipboard.readText()')
        )

    def test_the_clipboard_is_pasted(self) -> None:
        page = self.open_line()
        page.evaluate('navigator.clipboard.writeText("ls\\n")')
        page.keyboard.press(f'{MODIFIER_KEYS}KeyV')
        self.wait_until(lambda: bytes(self.proxy.received) == b'ls\r')

    def test_a_long_paste_asks_first(self) -> None:
        page = self.open_line()
        page.evaluate('navigator.clipboard.writeText("y".repeat(5000))')
        self.choose('more', 'paste')
        expect(page.locator('#text-warning')).to_be_visible()
        self.assertEqual(b'', bytes(self.proxy.received))
        page.locator('#text-type').click()
        self.wait_until(lambda: bytes(self.proxy.received) == b'y' * 5000)

    def test_the_size_of_the_window_is_typed_for_the_server(self) -> None:
        page = self.open_line()
        before = page.locator('#send-size').text_content()
        page.set_viewport_size({'width': 500, 'height': 300})
        entry = page.locator('#send-size')
        self.wait_until(lambda: entry.text_content() != before)
        self.choose('more', 'send-size')
        self.wait_until(lambda: self.proxy.received.endswith(b'\r'))
        sent = bytes(self.proxy.received)
        self.assertRegex(sent, rb'^stty rows \d+ cols \d+\r$')
        _, _, rows, _, columns = sent.decode().split()
        label = entry.text_content() or ''
        self.assertIn(f'{rows} rows, {columns} columns', label)

    def test_text_is_found(self) -> None:
        page = self.open_line()
        page.keyboard.type('needle in hay')
        self.wait_for_text('hay')
        page.keyboard.press(f'{MODIFIER_KEYS}KeyF')
        field = page.locator('#find-input')
        expect(field).to_be_focused()
        field.fill('needle')
        expect(field).to_have_attribute('aria-invalid', 'false')
        field.fill('thread')
        expect(field).to_have_attribute('aria-invalid', 'true')
        page.keyboard.press('Escape')
        expect(page.locator('#find')).to_be_hidden()
        page.keyboard.type('!')
        self.wait_for_text('hay!')

    def test_the_terminal_is_cleared(self) -> None:
        page = self.open_line()
        self.wait_for_text('login')
        page.keyboard.press('Control+KeyJ')
        self.wait_until(lambda: bytes(self.proxy.received) == b'\n')
        self.choose('more', 'clear')
        self.wait_until(lambda: 'login' not in self.shown())

    def test_a_control_key_is_sent_from_the_menu(self) -> None:
        self.open_line()
        self.choose('keys', 'key-ctrl-c')
        self.wait_until(lambda: bytes(self.proxy.received) == b'\x03')

    def test_one_combination_leaves_the_terminal(self) -> None:
        page = self.open_line()
        page.keyboard.press('Control+Alt+Shift+KeyB')
        expect(page.locator('#keys')).to_be_focused()
        self.assertEqual(b'', bytes(self.proxy.received))

    def test_a_line_in_use_is_told_in_words(self) -> None:
        self.open_line('close-4008', 'ended')
        expect(self.state).to_contain_text('The console is in use')

    def test_a_framed_page_leaves_the_focus_alone(self) -> None:
        self.open_framed('/serial.html?token=line')
        self.page.keyboard.type('abc')
        expect(self.page.locator('#search')).to_have_value('abc')
