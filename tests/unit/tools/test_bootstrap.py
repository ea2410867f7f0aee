# SPDX-License-Identifier: Apache-2.0
"""What a set-up does, leaves out and repairs."""

import contextlib
import io
import os
import pathlib
from typing import Any

import testtools

from tests.fixtures import checkout


class BootstrapTest(testtools.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.checkout = self.useFixture(checkout.Checkout())
        self.bootstrap: Any = self.checkout.bootstrap
        self.ran: list[str] = []

    def step(self, title: str, key: str = 'key') -> Any:
        venv: pathlib.Path = self.bootstrap.VENV

        def run(console: object) -> None:
            self.ran.append(title)
            venv.mkdir(exist_ok=True)
            (venv / f'proof-{title}').touch()

        stamp = venv / f'stamp-{title}'
        return self.bootstrap.Step(
            title, stamp, key, venv / f'proof-{title}', run
        )

    def set_up(self, *steps: Any) -> str:
        output = io.StringIO()
        with contextlib.redirect_stderr(output):
            self.bootstrap.set_up(list(steps))
        return output.getvalue()


class SetUpTest(BootstrapTest):
    def test_second_set_up_does_nothing(self) -> None:
        self.set_up(self.step('a'), self.step('b'))
        self.assertEqual('', self.set_up(self.step('a'), self.step('b')))
        self.assertEqual(['a', 'b'], self.ran)

    def test_ready_checkout_takes_no_lock(self) -> None:
        self.set_up(self.step('a'))
        (self.bootstrap.STATE / 'lock').unlink()
        self.set_up(self.step('a'))
        self.assertFalse((self.bootstrap.STATE / 'lock').exists())

    def test_changed_input_repeats_its_step_only(self) -> None:
        self.set_up(self.step('a'), self.step('b'))
        self.set_up(self.step('a'), self.step('b', key='other'))
        self.assertEqual(['a', 'b', 'b'], self.ran)

    def test_missing_product_repeats_its_step(self) -> None:
        self.set_up(self.step('a'))
        (self.bootstrap.VENV / 'proof-a').unlink()
        self.set_up(self.step('a'))
        self.assertEqual(['a', 'a'], self.ran)

    def test_step_that_failed_is_repeated(self) -> None:
        def fail(console: object) -> None:
            raise KeyboardInterrupt

        step = self.step('a')
        broken = self.bootstrap.Step(
            'a', step.stamp, step.key, step.proof, fail
        )
        self.set_up(step)
        step.proof.unlink()
        with testtools.ExpectedException(KeyboardInterrupt):
            self.set_up(broken)
        step.proof.touch()
        self.assertFalse(step.is_done())

    def test_cut_short_installation_starts_from_nothing(self) -> None:
        self.set_up(self.step('a'), self.step('b'))
        self.bootstrap.UNFINISHED.touch()
        self.set_up(self.step('a'), self.step('b'))
        self.assertEqual(['a', 'b', 'a', 'b'], self.ran)
        self.assertFalse(self.bootstrap.UNFINISHED.exists())

    def test_file_in_place_of_the_environment_makes_room(self) -> None:
        self.checkout.write('.venv', '/elsewhere')
        self.set_up(self.step('a'))
        self.assertTrue(self.step('a').is_done())

    def test_link_in_place_of_the_environment_is_not_followed(self) -> None:
        other = self.checkout.write('other/precious', '').parent
        self.bootstrap.VENV.symlink_to(other)
        self.bootstrap.UNFINISHED.touch()
        self.set_up(self.step('a'))
        self.assertTrue((other / 'precious').exists())

    def test_progress_names_each_step(self) -> None:
        output = self.set_up(self.step('one'), self.step('two'))
        self.assertIn('[1/2] one\n', output)
        self.assertIn('[2/2] two: done in 0 s\n', output)


class CommandTest(BootstrapTest):
    def call(self, *command: str) -> None:
        with (
            self.bootstrap.locked() as lock,
            contextlib.redirect_stderr(io.StringIO()),
        ):
            console = self.bootstrap.Console(self.bootstrap.LOG, lock)
            console.begin('Trying')
            self.bootstrap.call(console, list(command))

    def test_output_goes_to_the_log(self) -> None:
        self.call('echo', 'hello')
        log = self.bootstrap.LOG.read_text(encoding='utf-8')
        self.assertEqual('$ echo hello\nhello\n', log)

    def test_failure_shows_the_end_of_the_log(self) -> None:
        script = 'for i in $(seq 100); do echo "line $i"; done; exit 3'
        error = ''
        try:
            self.call('sh', '-c', script)
        except self.bootstrap.CommandError as exc:
            error = str(exc)
        self.assertIn('Trying: sh failed', error)
        self.assertTrue(error.endswith('line 99\nline 100'), error)
        self.assertNotIn('line 80\n', error)

    def test_commands_run_in_the_checkout(self) -> None:
        self.call('pwd')
        log = self.bootstrap.LOG.read_text(encoding='utf-8')
        self.assertIn(f'\n{self.checkout.root.resolve()}\n', log)

    def test_tail_has_no_control_characters(self) -> None:
        path = self.checkout.write('log', 'a\rb\x1b[2Jc\x07\n')
        self.assertEqual('a\nb[2Jc', self.checkout.load('progress').tail(path))

    def test_tail_of_an_empty_log_is_empty(self) -> None:
        path = self.checkout.write('log', '')
        self.assertEqual('', self.checkout.load('progress').tail(path))


class InputTest(BootstrapTest):
    def test_digest_follows_content_and_words(self) -> None:
        path = self.checkout.write('f', 'one')
        first = self.bootstrap.digest([path])
        self.assertEqual(first, self.bootstrap.digest([path]))
        self.assertNotEqual(first, self.bootstrap.digest([path], 'libvirt'))
        path.write_text('two', encoding='utf-8')
        self.assertNotEqual(first, self.bootstrap.digest([path]))

    def test_digest_follows_names(self) -> None:
        one = self.checkout.write('one', '')
        two = self.checkout.write('two', '')
        digest = self.bootstrap.digest
        self.assertNotEqual(digest([one]), digest([two]))

    def test_page_is_not_built_from_installed_modules(self) -> None:
        wanted = self.checkout.write('web/src/page.js', '')
        self.checkout.write('web/node_modules/x/index.js', '')
        self.assertEqual([wanted.resolve()], self.bootstrap.page_sources())

    def test_steps_of_tests_are_left_out_of_the_service(self) -> None:
        self.checkout.write_inputs()
        service = self.bootstrap.plan(with_tests=False)
        tests = self.bootstrap.plan(with_tests=True)
        self.assertEqual(len(service) + 1, len(tests))
        self.assertNotIn(
            'Installing the test tools', [s.title for s in service]
        )

    def test_version_is_given_where_git_knows_none(self) -> None:
        self.assertFalse(self.bootstrap.has_git())
        environment = self.bootstrap.build_environment()
        self.assertEqual(
            self.bootstrap.FALLBACK_VERSION, environment['PBR_VERSION']
        )

    def test_own_tools_come_first_on_the_path(self) -> None:
        path = self.bootstrap.environment()['PATH'].split(os.pathsep)
        self.assertEqual(str(self.bootstrap.VENV / 'bin'), path[0])
