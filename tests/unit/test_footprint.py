# SPDX-License-Identifier: Apache-2.0
"""What a process has in memory: no library that it does not use."""

import configparser
import subprocess
import sys
import unittest

from tests.fixtures import source

_ETC = source.ROOT / 'etc' / 'console-api'
_PRELOAD = 'console_api.wsgi.preload'
#: What each process loads by name when it starts, besides its imports.
_BUS = 'oslo_messaging._drivers.impl_rabbit'
_LISTS = """
import importlib
import sys
for name in sys.argv[1:]:
    importlib.import_module(name)
print(*sys.modules, sep='\\n')
"""
_OPENED = """
import importlib
import os
import sys
import threading
importlib.import_module(sys.argv[1])
opened = [os.path.realpath(f'/proc/self/fd/{n}') for n in range(3, 100)]
print(threading.active_count(), [f for f in opened if 'socket:' in f])
"""


def loaded(*names: str) -> set[str]:
    """The modules that a new process has after these imports."""
    return set(printed(_LISTS, *names).split())


def printed(program: str, *arguments: str) -> str:
    """What a new process of this program writes."""
    done = subprocess.run(
        [sys.executable, '-W', 'ignore', '-c', program, *arguments],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return done.stdout


def settings(file: str) -> configparser.ConfigParser:
    """A sample file."""
    parser = configparser.ConfigParser(
        # An option of uWSGI may come more than once.
        strict=False,
        interpolation=None,
        delimiters=('=',),
    )
    parser.read(_ETC / file, encoding='utf-8')
    return parser


class FootprintTest(unittest.TestCase):
    """Each of these would take memory in every process of its kind."""

    def assert_without(self, found: set[str], *libraries: str) -> None:
        self.assertIn('console_api.rpc', found)
        self.assertEqual(set(), found & {'eventlet', 'dns', *libraries})

    def test_agent_has_no_database_and_no_web(self) -> None:
        found = loaded('console_api.cmd.agent', _BUS)
        self.assert_without(
            found,
            *('alembic', 'cryptography', 'jsonschema', 'keystoneauth1'),
            *('oslo_db', 'oslo_policy', 'requests', 'sqlalchemy', 'webob'),
        )

    def test_conductor_has_no_migrations_and_no_web(self) -> None:
        found = loaded('console_api.cmd.conductor', _BUS)
        self.assert_without(
            found,
            *('alembic', 'cryptography', 'jsonschema', 'keystoneauth1'),
            *('oslo_policy', 'requests', 'webob'),
        )

    def test_api_has_no_migrations(self) -> None:
        found = loaded(
            'console_api.api.app', 'keystonemiddleware.auth_token', _BUS
        )
        self.assert_without(found, 'alembic')

    def test_proxy_has_no_database(self) -> None:
        found = loaded('console_api.cmd.proxy', _BUS)
        self.assert_without(
            found, 'alembic', 'jsonschema', 'oslo_db', 'sqlalchemy', 'webob'
        )


class EventletTest(unittest.TestCase):
    """A process that runs on eventlet keeps it."""

    def test_it_can_be_imported_later(self) -> None:
        self.assertIn('eventlet', loaded('console_api', 'eventlet'))

    def test_it_stays_where_it_was_imported_before(self) -> None:
        found = loaded('eventlet', 'console_api')
        self.assertIn('eventlet', found)


class PreloadTest(unittest.TestCase):
    """The processes of uWSGI share what they import, and nothing else."""

    def test_sample_file_names_it(self) -> None:
        section = settings('uwsgi.ini')['uwsgi']
        self.assertEqual(_PRELOAD, section['shared-import'])

    def test_it_has_what_the_pipeline_loads(self) -> None:
        pipeline = settings('api-paste.ini')
        factories = [
            value.partition(':')[0]
            for section in pipeline.sections()
            for name, value in pipeline[section].items()
            if name.startswith('paste.')
        ]
        self.assertNotEqual([], factories)
        self.assertEqual(set(), {*factories, _BUS} - loaded(_PRELOAD))

    def test_it_opens_nothing_and_starts_no_thread(self) -> None:
        self.assertEqual('1 []', printed(_OPENED, _PRELOAD).strip())
