# SPDX-License-Identifier: Apache-2.0
"""The directory in which the standalone service keeps its files."""

from collections.abc import Sequence
import fcntl
import json
import os
import pathlib
import stat
import tempfile
from types import TracebackType
from typing import IO
from typing import Self

from console_api import exception

CLOUD = 'standalone'

_CLOUDS = """\
# Written at each start.
clouds:
  {cloud}:
    auth_type: none
    auth:
      endpoint: "{endpoint}"
    compute_endpoint_override: "{endpoint}"
    # There is no Keystone; some commands of the client ask for it by version.
    identity_api_version: 3
    region_name: standalone
"""
_OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH


class StateDir:
    """A private directory that one running service owns.

    Use it as a context manager; its files speak of the service that runs.

    :raises ConfigurationError: the directory is not usable, or another
        service owns it
    """

    def __init__(self, path: pathlib.Path) -> None:
        self._path = path.absolute()
        self.log_file = self._path / 'standalone.log'
        self.clouds_file = self._path / 'clouds.yaml'
        self.key_file = self._path / 'agent.key'
        self.word_file = self._path / 'enrolment.word'
        self._facts_file = self._path / 'standalone.json'
        self._database = self._path / 'standalone.sqlite'
        self._lock: IO[str] | None = None

    def __enter__(self) -> Self:
        try:
            self._path.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._check_private()
            self._lock = open(self._path / 'lock', 'a+', encoding='ascii')
            self._check_writable()
        except OSError as exc:
            raise exception.ConfigurationError(
                f'cannot use the state directory {self._path}: {exc.strerror}'
            ) from exc
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as exc:
            self._lock.close()
            raise exception.ConfigurationError(
                f'another service runs on the state directory {self._path}: '
                'stop it or give this one another --state-dir'
            ) from exc
        self.withdraw()
        # Servers and tokens of the last run mean nothing to this one.
        for suffix in ('', '-journal', '-wal', '-shm'):
            pathlib.Path(f'{self._database}{suffix}').unlink(missing_ok=True)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._lock is not None:
            self._lock.close()

    @property
    def database_url(self) -> str:
        """Where SQLAlchemy finds the database."""
        return f'sqlite:///{self._database}'

    def publish(
        self,
        api_url: str,
        proxy_url: str,
        servers: Sequence[tuple[str, str]],
    ) -> None:
        """Say where the service answers; ``servers`` are ids and names."""
        endpoint = f'{api_url}/v2.1'
        self._replace(
            self.clouds_file, _CLOUDS.format(cloud=CLOUD, endpoint=endpoint)
        )
        facts = {
            'api_url': api_url,
            'proxy_url': proxy_url,
            'clouds_yaml': str(self.clouds_file),
            'servers': [{'id': i, 'name': name} for i, name in servers],
            'pid': os.getpid(),
        }
        self._replace(self._facts_file, json.dumps(facts, indent=2) + '\n')

    def withdraw(self) -> None:
        """Say that no service answers."""
        self._facts_file.unlink(missing_ok=True)

    def _check_private(self) -> None:
        """Return if nobody else puts links and files of their own there."""
        found = self._path.stat()
        if found.st_uid != os.geteuid() or found.st_mode & _OTHERS_WRITE:
            raise exception.ConfigurationError(
                f'others may write to the state directory {self._path}: give '
                'another --state-dir, or make it your own (chmod 700)'
            )

    def _check_writable(self) -> None:
        with tempfile.TemporaryFile(dir=self._path):
            pass

    def _replace(self, path: pathlib.Path, text: str) -> None:
        # A reader sees the old file or the new one, never half of it.
        draft = path.with_name(f'{path.name}.new')
        draft.write_text(text, encoding='utf-8')
        draft.replace(path)
