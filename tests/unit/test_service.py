# SPDX-License-Identifier: Apache-2.0
"""Tests of what every process does first."""

import os
import pathlib
import signal

import fixtures

from console_api import service
from tests import base


class ArgumentsTest(base.TestCase):
    def test_empty_environment_looks_at_the_usual_places(self) -> None:
        self.assertEqual([], service.arguments({}))

    def test_folder_has_the_file_of_the_service(self) -> None:
        self.assertEqual(
            ['--config-file', '/srv/c/console-api.conf'],
            service.arguments({'OS_CONSOLE_API_CONFIG_DIR': '/srv/c'}),
        )

    def test_files_are_in_the_folder_in_their_order(self) -> None:
        environment = {
            'OS_CONSOLE_API_CONFIG_DIR': '/srv/c',
            'OS_CONSOLE_API_CONFIG_FILES': 'b.conf; a.conf;',
        }
        self.assertEqual(
            [
                *('--config-file', '/srv/c/b.conf'),
                *('--config-file', '/srv/c/a.conf'),
            ],
            service.arguments(environment),
        )

    def test_files_alone_are_in_etc_unless_absolute(self) -> None:
        environment = {'OS_CONSOLE_API_CONFIG_FILES': 'a.conf;/srv/b.conf'}
        self.assertEqual(
            [
                *('--config-file', '/etc/console-api/a.conf'),
                *('--config-file', '/srv/b.conf'),
            ],
            service.arguments(environment),
        )

    def test_snippets_beside_the_file_are_read_after_it(self) -> None:
        folder = self.useFixture(fixtures.TempDir()).path
        snippets = pathlib.Path(folder) / 'console-api.conf.d'
        snippets.mkdir()
        self.assertEqual(
            ['--config-dir', str(snippets)],
            service.arguments({'OS_CONSOLE_API_CONFIG_DIR': folder})[2:],
        )


class SignalTest(base.TestCase):
    def setUp(self) -> None:
        super().setUp()
        for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM):
            before = signal.signal(number, lambda *_: None)
            self.addCleanup(signal.signal, number, before)

    def test_signals_are_heard_from_ready_on(self) -> None:
        reloads = []

        def ready() -> None:
            os.kill(os.getpid(), signal.SIGHUP)
            os.kill(os.getpid(), signal.SIGTERM)

        service.wait_for_signal(lambda: reloads.append(1), ready)
        self.assertEqual([1], reloads)
