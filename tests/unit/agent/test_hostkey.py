# SPDX-License-Identifier: Apache-2.0
"""The file of the host's key is this host's secret, or there is no start."""

from concurrent import futures
import os
import pathlib
import stat

import fixtures

from console_api import exception
from console_api.agent import hostkey
from tests import base


class HostKeyTest(base.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.folder = pathlib.Path(self.useFixture(fixtures.TempDir()).path)
        self.path = self.folder / 'agent.key'

    def load(self) -> str:
        return hostkey.load(str(self.path)).reveal()

    def refusal(self) -> str:
        error = self.assertRaises(
            exception.ConfigurationError, hostkey.load, str(self.path)
        )
        self.assertIn(str(self.path), str(error))
        return str(error)

    def write(self, content: str | bytes, mode: int = 0o600) -> None:
        data = content.encode() if isinstance(content, str) else content
        self.path.write_bytes(data)
        self.path.chmod(mode)

    def test_key_is_made_for_its_user_alone(self) -> None:
        self.assertRegex(self.load(), r'^[A-Za-z0-9_-]{43}$')
        self.assertEqual(0o600, stat.S_IMODE(self.path.lstat().st_mode))
        self.assertEqual([self.path], list(self.folder.iterdir()))

    def test_no_two_hosts_have_the_same(self) -> None:
        first = self.load()
        self.path.unlink()
        self.assertNotEqual(first, self.load())

    def test_key_outlives_a_restart(self) -> None:
        self.assertEqual(self.load(), self.load())

    def test_agents_that_start_at_once_find_one_key(self) -> None:
        for _ in range(20):
            with futures.ThreadPoolExecutor(8) as pool:
                found = [pool.submit(self.load) for _ in range(8)]
                self.assertEqual(1, len({one.result() for one in found}))
            self.path.unlink()

    def test_key_does_not_show_itself(self) -> None:
        shown = repr(hostkey.load(str(self.path)))
        self.assertNotIn(self.load(), shown)

    def test_key_that_others_may_use_is_refused(self) -> None:
        key = self.load()
        for mode in (0o640, 0o604, 0o620, 0o602):
            with self.subTest(oct(mode)):
                self.path.chmod(mode)
                text = self.refusal()
                self.assertIn('chmod 600', text)
                self.assertIn('console-api-manage agent forget HOST', text)
                self.assertNotIn(key, text)

    def test_link_to_a_key_is_refused(self) -> None:
        key = self.load()
        self.path.rename(self.folder / 'elsewhere')
        self.path.symlink_to('elsewhere')
        self.assertNotIn(key, self.refusal())

    def test_no_key_is_made_where_a_link_leads(self) -> None:
        self.path.symlink_to('nowhere')
        self.refusal()
        self.assertFalse((self.folder / 'nowhere').exists())

    def test_what_is_no_file_is_refused_at_once(self) -> None:
        os.mkfifo(self.path, 0o600)
        self.assertIn('no plain file', self.refusal())
        self.path.unlink()
        self.path.mkdir()
        self.assertIn('no plain file', self.refusal())

    def test_file_of_another_user_is_refused(self) -> None:
        self.load()
        owner = os.geteuid()
        self.useFixture(fixtures.MonkeyPatch('os.geteuid', lambda: owner + 1))
        self.assertIn(f'user {owner} owns', self.refusal())

    def test_file_without_a_key_is_refused_and_stays(self) -> None:
        for content in (
            *('', '\n', 'a' * 42, 'a' * 44, 'a' * 5000, 'a' * 43 + '\n\n'),
            *('é' * 43, 'a' * 42 + '=', b'\xff' * 43, b'\0' * 43),
        ):
            with self.subTest(content=content[:50]):
                self.write(content)
                before = self.path.read_bytes()
                self.assertIn(
                    'console-api-manage agent forget HOST', self.refusal()
                )
                self.assertEqual(before, self.path.read_bytes())

    def test_key_without_the_end_of_its_line_is_one(self) -> None:
        self.write('a' * 43)
        self.assertEqual('a' * 43, self.load())

    def test_directory_that_is_missing_is_named(self) -> None:
        self.path = self.folder / 'missing' / 'agent.key'
        text = self.refusal()
        self.assertIn('No such file or directory', text)
        self.assertIn('[agent] key_file', text)

    def test_key_that_cannot_be_made_is_named(self) -> None:
        self.path = pathlib.Path('/proc/agent.key')
        self.assertIn('[agent] key_file', self.refusal())
