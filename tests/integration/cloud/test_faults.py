# SPDX-License-Identifier: Apache-2.0
"""What fails around the service ends in answers, and heals by itself."""

from collections import Counter
from collections.abc import Callable
import contextlib
import dataclasses
import hashlib
import threading
import time
from urllib import parse

import sqlalchemy as sa

from tests import base
from tests.fixtures import bus
from tests.fixtures import databases
from tests.fixtures import deployment
from tests.fixtures import parts
from tests.fixtures import private
from tests.fixtures import processes

_SERVER = '00000000-0000-4000-8000-000000000001'
_PROJECT = 'a' * 32
_CALLER = f'alice:{_PROJECT}:member'
_VNC = {'remote_console': {'protocol': 'vnc', 'type': 'novnc'}}
#: What a caller of an agent waits here, in seconds.
_DEADLINE = 3
_CLIENTS = 6


@dataclasses.dataclass(frozen=True)
class _Answered:
    status: int
    seconds: float
    token: str | None


class _Load:
    """Creates consoles from several threads until it is stopped."""

    def __init__(self, create: Callable[[], _Answered]) -> None:
        self._create = create
        self._stopped = threading.Event()
        self.answers: list[_Answered] = []
        self.broken: list[Exception] = []
        self._threads = [
            threading.Thread(target=self._run) for _ in range(_CLIENTS)
        ]

    def __enter__(self) -> '_Load':
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_ignored: object) -> None:
        self._stopped.set()
        for thread in self._threads:
            thread.join()

    def _run(self) -> None:
        while not self._stopped.is_set():
            try:
                self.answers.append(self._create())
            except OSError as exc:
                self.broken.append(exc)
                return
            # A client that is refused at once does not hammer.
            self._stopped.wait(0.02)

    def wait_for(self, status: int, count: int = 20) -> None:
        """Return after so many more answers with this status."""
        before = self.count(status)
        processes.wait_for(
            lambda: self.broken or self.count(status) >= before + count,
            f'no {status}: {Counter(a.status for a in self.answers)}',
        )

    def count(self, status: int) -> int:
        return sum(a.status == status for a in list(self.answers))


class _FaultsTestCase(base.TestCase):
    def setUp(self) -> None:
        super().setUp()
        parts.require(self, 'rabbitmq', 'mariadb', 'uwsgi')
        problem = private.problem()
        if problem is not None:
            self.skipTest(problem)

    def deploy(self, bus_url: str, database_url: str) -> None:
        server = {'id': _SERVER, 'name': 'web', 'project_id': _PROJECT}
        self.database_url = database_url
        self.service = self.useFixture(
            deployment.Deployment(
                bus_url,
                database_url,
                [server],
                {
                    'agent': {'rpc_timeout': _DEADLINE},
                    'api': {'auth_strategy': 'noauth'},
                },
            )
        )
        self.wait_until_served()

    def wait_until_served(self) -> float:
        """How many seconds it took until a console was had."""
        start = time.monotonic()
        processes.wait_for(
            lambda: self.create().status == 200, 'no console again'
        )
        return time.monotonic() - start

    def create(self) -> _Answered:
        start = time.monotonic()
        answer = deployment.call(
            f'{self.service.url}/servers/{_SERVER}/remote-consoles',
            'POST',
            _VNC,
            X_Auth_Token=_CALLER,
            X_OpenStack_Nova_API_Version='2.6',
        )
        seconds = time.monotonic() - start
        token = None
        if answer.status == 200:
            url = answer.json['remote_console']['url']
            query = parse.parse_qs(parse.urlsplit(url).query)
            token = query['path'][0].rpartition('token=')[2]
        return _Answered(answer.status, seconds, token)

    def check(self, load: _Load) -> None:
        """Each answer was in time and sane, and each token is stored once."""
        self.assertEqual([], load.broken)
        statuses = {answer.status for answer in load.answers}
        self.assertLessEqual(
            statuses, {200, 409, 503}, self.service.api.output
        )
        slowest = max(answer.seconds for answer in load.answers)
        self.assertLess(slowest, processes.PATIENCE / 2)
        given = Counter(
            hashlib.sha256(answer.token.encode()).hexdigest()
            for answer in load.answers
            if answer.token is not None
        )
        stored = self._stored()
        self.assertEqual({1}, set(given.values()))
        self.assertEqual(set(), set(given) - set(stored))
        self.assertEqual(len(stored), len(set(stored)))

    def _stored(self) -> list[str]:
        engine = sa.create_engine(
            self.database_url, poolclass=sa.pool.NullPool
        )
        with engine.connect() as connection:
            return list(
                connection.exec_driver_sql(
                    'SELECT token_hash FROM console_tokens'
                ).scalars()
            )


class BusTest(_FaultsTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.bus = self.useFixture(private.RabbitMQ())
        database = self.useFixture(databases.MariaDB())
        self.deploy(self.bus.url, database.url)

    def test_bus_restarts_under_load(self) -> None:
        with _Load(self.create) as load:
            load.wait_for(200)
            self.bus.stop()
            load.wait_for(503)
            self.bus.start()
            load.wait_for(200)
        self.check(load)

    def test_api_starts_while_the_bus_is_away(self) -> None:
        self.bus.stop()
        self.service.api.kill()
        self.service.start_api()
        self.assertEqual(503, self.create().status)
        self.bus.start()
        self.wait_until_served()


class DatabaseTest(_FaultsTestCase):
    def test_database_restarts_under_load(self) -> None:
        database = self.useFixture(private.MariaDB())
        self.deploy(self.useFixture(bus.RabbitMQ()).url, database.url)
        with _Load(self.create) as load:
            load.wait_for(200)
            database.stop()
            load.wait_for(503)
            database.start()
            load.wait_for(200)
        self.check(load)


class ProcessTest(_FaultsTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.deploy(
            self.useFixture(bus.RabbitMQ()).url,
            self.useFixture(databases.MariaDB()).url,
        )

    def test_agent_dies_under_load(self) -> None:
        with _Load(self.create) as load:
            load.wait_for(200)
            self.service.agent.process.kill()
            load.wait_for(503, _CLIENTS)
            self.service.start('console-api-agent')
            load.wait_for(200)
        self.check(load)

    def test_second_agent_of_a_host_ends_and_names_the_first(self) -> None:
        second = self.useFixture(
            processes.Process(
                processes.command('console-api-agent'),
                f'--config-file={self.service.configuration}',
            )
        )
        self.assertEqual(1, second.process.wait(processes.PATIENCE))
        self.assertIn(
            f'process {self.service.agent.process.pid} on', second.output
        )
        self.assertEqual(200, self.create().status)

    def test_conductor_dies_and_reports_go_on(self) -> None:
        self.service.conductor.process.kill()
        self.assertEqual(200, self.create().status)
        self.service.start('console-api-conductor')
        before = self._reported_at()
        processes.wait_for(
            lambda: self._reported_at() > before, 'no report any more'
        )

    def _reported_at(self) -> int:
        engine = sa.create_engine(
            self.database_url, poolclass=sa.pool.NullPool
        )
        with engine.connect() as connection:
            return int(
                connection.exec_driver_sql(
                    'SELECT reported_at FROM agents'
                ).scalar_one()
            )

    def test_two_hundred_creates_at_once(self) -> None:
        begin = threading.Barrier(200)
        answers: list[_Answered] = []

        def create() -> None:
            begin.wait(processes.PATIENCE)
            with contextlib.suppress(OSError):
                answers.append(self.create())

        threads = [threading.Thread(target=create) for _ in range(200)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(200, len(answers))
        self.assertLessEqual({a.status for a in answers}, {200, 503})
        load = _Load(self.create)
        load.answers = answers
        self.check(load)
