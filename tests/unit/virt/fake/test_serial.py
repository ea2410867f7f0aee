# SPDX-License-Identifier: Apache-2.0
"""Tests of the serial port of a simulated server, without a socket."""

import datetime
import re
import tracemalloc

import hypothesis
from hypothesis import strategies

from console_api.virt.fake import consolelog
from console_api.virt.fake import inventory
from console_api.virt.fake import serial
from tests import base

ID = '3f1c7c1e-6a0e-4f3a-8d4b-2f1f0a9d7b11'
PROMPT = b'guest:~# '
#: Output is made in parts of about this size.
PART = 32 * 1024


def now():
    return datetime.datetime(2026, 2, 3, 4, 5, 6, tzinfo=datetime.UTC)


class SerialTestCase(base.TestCase):
    def open(self, name='guest', log='boot\n', **facts):
        """Connect to a server; ``self.log`` is its console log."""
        self.log = consolelog.ConsoleLog(log.encode())
        server = inventory.SimulatedServer(
            ID, name, project_id='p', user_id='u', log=log, **facts
        )
        self.port = serial.SerialPort(server, self.log, now)
        return self.port.open()

    def read(self, session):
        """Everything that the session has to say now."""
        parts = []
        while part := session.produce():
            self.assertLess(len(part), PART)
            parts.append(part)
        return b''.join(parts)

    def run_command(self, command, **facts):
        """What a command prints, between its echo and the next prompt."""
        session = self.open(**facts)
        self.read(session)
        session.receive(command.encode() + b'\r')
        echo, rest = self.read(session).split(b'\r\n', 1)
        self.assertEqual(command.encode(), echo)
        self.assertEqual(PROMPT, rest[-len(PROMPT) :])
        return rest[: -len(PROMPT)].decode().replace('\r\n', '\n')


class TestCommands(SerialTestCase):
    def test_help_names_every_command(self):
        names = re.findall(
            '^  ([a-z]+) ', self.run_command('help'), re.MULTILINE
        )

        self.assertLessEqual(
            {
                'big',
                'clear',
                'date',
                'echo',
                'fill',
                'help',
                'history',
                'id',
                'log',
                'reboot',
                'uname',
                'whoami',
            },
            set(names),
        )
        for name in sorted(set(names) - {'reboot'}):
            self.assertNotIn('no such command', self.run_command(name))

    def test_uname(self):
        self.assertEqual('Simulated\n', self.run_command('uname'))
        self.assertIn(' guest ', self.run_command('uname -a'))

    def test_id_tells_the_facts_of_the_server(self):
        facts = dict(
            line.split(None, 1) for line in self.run_command('id').splitlines()
        )
        self.assertEqual(
            {
                'id': ID,
                'name': 'guest',
                'project': 'p',
                'user': 'u',
                'state': 'active',
                'consoles': 'novnc',
            },
            facts,
        )

    def test_whoami_and_hostname(self):
        self.assertEqual('root\n', self.run_command('whoami'))
        self.assertEqual('guest\n', self.run_command('hostname'))

    def test_date_is_the_clock(self):
        self.assertEqual(
            'Tue Feb 03 04:05:06 UTC 2026\n', self.run_command('date')
        )

    def test_echo(self):
        self.assertEqual('a b\n', self.run_command('echo a  b'))

    def test_clear_empties_the_screen(self):
        self.assertEqual('\x1b[H\x1b[2J', self.run_command('clear'))

    def test_an_unknown_command_leads_to_help(self):
        self.assertEqual(
            'rm: no such command; try help\n', self.run_command('rm -rf /')
        )

    def test_nothing_is_no_command(self):
        self.assertEqual('', self.run_command('   '))

    def test_history_is_shared_by_the_sessions_of_a_server(self):
        first = self.open()
        first.receive(b'date\r')
        self.read(first)
        second = self.port.open()
        second.receive(b'history\r')

        self.assertIn(b'1  date\r\n    2  history\r\n', self.read(second))

    def test_fill_fills_the_terminal_with_colours(self):
        printed = self.run_command('fill')
        rows = re.sub('\x1b\\[[0-9;]*m', '', printed).splitlines()

        self.assertEqual([80] * 23, [len(row[-80:]) for row in rows])
        colours = set(re.findall('\x1b\\[48;5;([0-9]+)m', printed))
        self.assertGreater(len(colours), 30)
        self.assertTrue(colours <= {str(n) for n in range(16, 232)})
        self.assertTrue(printed.endswith('\x1b[0m\n'))

    def test_stty_says_how_large_the_terminal_is(self):
        session = self.open()
        session.receive(b'stty rows 3 cols 20\rstty size\rfill\r')
        shown = re.sub(b'\x1b\\[[0-9;]*[mHJ]', b'', self.read(session))

        self.assertIn(b'rows 3; columns 20;\r\n', shown)
        filled = shown.split(b'fill\r\n')[1].split(b'\r\n')
        self.assertEqual([20, 20, len(PROMPT)], [len(f) for f in filled])

    def test_stty_refuses_what_is_no_size(self):
        for words in ('rows 0', 'rows x', 'cols 1001', 'rows -1', 'rows 501'):
            self.assertIn('use stty', self.run_command(f'stty {words}'))

    def test_log_shows_the_log_and_is_not_in_it(self):
        self.assertEqual(
            '| first\n| [31mred\n| guest:~# log\n',
            self.run_command('log', log='first\n\x1b[31mred\x07\n'),
        )
        self.assertEqual(1, self.log.tail(1000).count(b'first'))


class TestBig(SerialTestCase):
    def test_it_prints_ten_mebibytes(self):
        session = self.open()
        self.read(session)
        session.receive(b'big\r')
        printed = self.read(session).removeprefix(b'big\r\n')
        lines = printed.removesuffix(PROMPT)

        self.assertEqual(10 * 1024 * 1024, len(lines))
        numbers = [int(line[:7]) for line in lines.split(b'\r\n')[:-1]]
        self.assertEqual(list(range(len(numbers))), numbers)

    def test_ctrl_c_stops_it(self):
        session = self.open()
        session.receive(b'big\r')
        for _ in range(5):
            session.produce()
        session.receive(b'\x03')
        rest = self.read(session)

        self.assertEqual(b'\x1b[0m^C\r\n' + PROMPT, rest)
        session.receive(b'echo on\r')
        self.assertIn(b'\r\non\r\n', self.read(session))

    def test_ctrl_c_in_the_same_breath_stops_it(self):
        session = self.open()
        session.receive(b'big\r\x03echo on\r')
        shown = self.read(session)

        self.assertLess(len(shown), PART)
        self.assertIn(b'^C\r\n' + PROMPT + b'echo on\r\non\r\n', shown)

    def test_ctrl_c_forgets_what_was_typed_ahead(self):
        session = self.open()
        session.receive(b'big\rwhoami\rdate\r')
        session.produce()
        session.receive(b'history\r\x03\x03hostname\r')

        self.assertTrue(
            self.read(session).endswith(
                b'^C\r\n' + PROMPT + b'hostname\r\nguest\r\n' + PROMPT
            )
        )

    def test_what_is_typed_ahead_waits(self):
        session = self.open()
        session.receive(b'big\r')
        session.produce()
        session.receive(b'whoami\r')

        self.assertTrue(
            self.read(session).endswith(
                PROMPT + b'whoami\r\nroot\r\n' + PROMPT
            )
        )

    def test_little_of_it_is_in_memory(self):
        session = self.open()
        session.receive(b'big\r')
        session.produce()
        tracemalloc.start()
        self.addCleanup(tracemalloc.stop)
        while session.produce():
            pass

        # The parts, and what is kept as the log.
        self.assertLess(tracemalloc.get_traced_memory()[1], 1024 * 1024)


class TestSession(SerialTestCase):
    def test_it_greets_with_the_name_and_a_prompt(self):
        shown = self.read(self.open())

        self.assertIn(b'guest: the serial console', shown)
        self.assertTrue(shown.endswith(b'\r\n' + PROMPT))

    def test_every_line_ends_with_a_carriage_return(self):
        session = self.open()
        session.receive(b'help\nfill\rlog\rbad\r\n')
        shown = self.read(session)

        self.assertEqual(shown.count(b'\n'), shown.count(b'\r\n'))

    def test_a_character_may_come_in_pieces(self):
        session = self.open()
        for byte in 'echo h\u00e9\u65e5\r'.encode():
            session.receive(bytes((byte,)))

        self.assertIn('\r\nh\u00e9\u65e5\r\n'.encode(), self.read(session))

    def test_bytes_that_are_no_text_are_shown_as_such(self):
        session = self.open()
        session.receive(b'echo \xff\xfe\r')

        self.assertIn('\r\n\ufffd\ufffd\r\n'.encode(), self.read(session))

    def test_a_name_cannot_steer_the_terminal(self):
        session = self.open(name='a\x1b[2J\n' + 'x' * 500)
        session.receive(b'id\rhostname\runame -a\r')
        shown = self.read(session)

        self.assertNotIn(b'\x1b[2J', shown)
        self.assertNotIn(b'x' * 300, shown)

    def test_its_prompt_is_short_whatever_the_name(self):
        shown = self.read(self.open(name='x' * 500))

        self.assertEqual(44, len(shown.rsplit(b'\n', 1)[1]))

    def test_it_reads_no_more_while_much_waits(self):
        session = self.open()
        self.assertTrue(session.wants_input())
        session.receive(b'x' * 64 * 1024)
        self.assertFalse(session.wants_input())
        self.read(session)
        self.assertTrue(session.wants_input())

    def test_a_long_paste_is_all_there(self):
        session = self.open()
        session.receive(b''.join(b'echo %d\r' % n for n in range(5000)))
        printed = re.findall(rb'\r\n([0-9]+)\r\n', self.read(session))

        self.assertEqual([b'%d' % n for n in range(5000)], printed)

    def test_a_guest_that_stands_still_says_nothing(self):
        for state in ('paused', 'suspended'):
            session = self.open(vm_state=state)
            session.receive(b'help\r' * 10000)

            self.assertEqual(b'', self.read(session))
            self.assertTrue(session.wants_input())

    def test_it_is_forgotten_when_it_is_over(self):
        session = self.open()
        session.end()
        other = self.port.open()
        other.receive(b'reboot\r')
        self.read(other)

        self.assertIsNone(session.why_closed())

    def test_any_input_is_survived(self):
        @hypothesis.settings(deadline=None)
        @hypothesis.given(
            strategies.lists(
                strategies.one_of(
                    strategies.binary(max_size=40),
                    strategies.sampled_from(
                        (
                            b'\r',
                            b'\x03',
                            b'\x1b[',
                            b'fill\r',
                            b'log\r',
                            b'stty rows 500 cols 1000\r',
                            b'big\r\x03',
                            b'reboot\r',
                            b'\xe6\x97',
                        )
                    ),
                ),
                max_size=20,
            )
        )
        def check(parts):
            session = self.open()
            for part in parts:
                session.receive(part)
                # A command of the random bytes may print at length.
                session.produce()
            # A started sequence or line may swallow the first of them.
            session.receive(b'\x03\r\x03echo alive\r')
            shown = self.read(session)
            if session.why_closed() is None:
                self.assertTrue(shown.endswith(b'\r\nalive\r\n' + PROMPT))

        check()


class TestLog(SerialTestCase):
    def test_lines_and_output_are_in_the_log(self):
        session = self.open()
        session.receive(b'whox\x7fami\r')
        self.read(session)

        self.assertEqual(b'boot\nguest:~# whoami\nroot\n', self.log.tail(1000))

    def test_colours_are_not(self):
        self.run_command('fill')

        self.assertNotIn(b'\x1b', self.log.tail(100000))
        self.assertIn(b'!"#$%&', self.log.tail(100000))

    def test_the_end_of_long_output_is_kept(self):
        self.run_command('big')

        kept = self.log.tail(100 * 1024 * 1024)
        self.assertLess(len(kept), 1024 * 1024)
        self.assertIn(b'\n0163839 ', kept)


class TestReboot(SerialTestCase):
    def test_it_closes_every_session_of_the_server(self):
        session, other = self.open(), self.port.open()
        self.read(session)
        session.receive(b'reboot\rwhoami\r')
        shown = self.read(session)

        self.assertEqual(b'reboot\r\nThe server reboots.\r\n', shown)
        for one in (session, other):
            self.assertEqual('the server reboots', one.why_closed())
            self.assertEqual(b'', one.produce())

    def test_the_server_boots_again(self):
        session = self.open()
        session.receive(b'reboot\r')
        self.read(session)

        self.assertEqual(
            b'boot\nguest:~# reboot\nThe server reboots.\nboot\n',
            self.log.tail(1000),
        )
        self.assertTrue(self.read(self.port.open()).endswith(PROMPT))
