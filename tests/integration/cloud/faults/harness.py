# SPDX-License-Identifier: Apache-2.0
"""The service under a load of creates, while something around it fails."""

from collections import Counter
from collections.abc import Callable
from collections.abc import Iterator
import contextlib
import dataclasses
import hashlib
import threading
import time
from typing import Any
from urllib import parse

import sqlalchemy as sa
from websockets.sync import client as ws_client
from websockets.typing import Origin
import yaml

from tests import base
from tests.fixtures import deployment
from tests.fixtures import parts
from tests.fixtures import private
from tests.fixtures import processes

_SERVER = '00000000-0000-4000-8000-000000000001'
_PROJECT = 'a' * 32
_CALLER = f'alice:{_PROJECT}:member'
_PROXY = 'nova:service:service,admin'
_VNC = {'remote_console': {'protocol': 'vnc', 'type': 'novnc'}}
#: What a caller of an agent waits here, in seconds.
DEADLINE = 3
#: What an answer may take beyond that: the second after which a call that
#: hangs is left alone, and what two cores need that run the service, what it
#: works with and the clients.
MARGIN = 2.5
#: The service serves again so soon after what it works with, in seconds.
RECOVERY = 10
CLIENTS = 6


@dataclasses.dataclass(frozen=True)
class Answered:
    status: int
    began: float
    seconds: float
    token: str | None

    @property
    def ended(self) -> float:
        return self.began + self.seconds


class Load:
    """Creates consoles from several threads until it is stopped."""

    def __init__(self, create: Callable[[], Answered]) -> None:
        self._create = create
        self._stopped = threading.Event()
        self.answers: list[Answered] = []
        self.broken: list[Exception] = []
        self._threads = [
            threading.Thread(target=self._run) for _ in range(CLIENTS)
        ]

    def __enter__(self) -> 'Load':
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

    def wait_until_served(self) -> None:
        """Return once every request has been answered 200 for a while.

        The while is so long that none from before is still under way.
        """

        def is_served() -> bool:
            answers = list(self.answers)
            last = max(a.ended for a in answers if a.status != 200)
            return any(a.began > last + DEADLINE + MARGIN for a in answers)

        processes.wait_for(
            lambda: self.broken or is_served(),
            f'not served: {Counter(a.status for a in self.answers)}',
        )

    @property
    def last_refused(self) -> float:
        """When the last request was sent that was not answered 200."""
        return max(a.began for a in self.answers if a.status != 200)


class FaultsTestCase(base.TestCase):
    def setUp(self) -> None:
        super().setUp()
        parts.require(self, 'rabbitmq', 'mariadb', 'uwsgi')
        private.require(self)

    def deploy(
        self, bus_url: str, database_url: str, **settings: dict[str, object]
    ) -> None:
        self.database_url = database_url
        self.service = self.useFixture(
            deployment.Deployment(
                bus_url,
                database_url,
                [self.server(1)],
                {
                    'agent': {'rpc_timeout': DEADLINE},
                    'api': {'auth_strategy': 'noauth'},
                    **settings,
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

    def create(self) -> Answered:
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
        return Answered(answer.status, start, seconds, token)

    def check(self, load: Load, deadline: float = DEADLINE) -> None:
        """Each answer was in time and sane, and each token is stored once."""
        self.assertEqual([], load.broken)
        statuses = {answer.status for answer in load.answers}
        self.assertLessEqual(
            statuses, {200, 409, 503}, self.service.api.output
        )
        slowest = max(answer.seconds for answer in load.answers)
        self.assertLess(slowest, deadline + MARGIN)
        given = Counter(
            hashlib.sha256(answer.token.encode()).hexdigest()
            for answer in load.answers
            if answer.token is not None
        )
        stored = self._stored()
        self.assertEqual({1}, set(given.values()))
        self.assertEqual(set(), set(given) - set(stored))
        self.assertEqual(len(stored), len(set(stored)))

    def check_service(self, load: Load) -> None:
        """Everything works: creates, look-ups, both proxies and reports.

        Also with the tokens from before and after the fault.
        """
        given = [*load.answers, self.create()]
        tokens = [a.token for a in given if a.token is not None]
        self.assertEqual(given[-1].token, tokens[-1])
        for token in (tokens[0], *tokens[-2:]):
            self.assertEqual(200, self.look_up(token))
            for proxy in (self.service.proxy_url, self.rest_proxy_url):
                greeting = self._greeting(proxy, token)
                self.assertEqual(b'RFB 003.008\n', greeting)
        # What an agent says of its servers replaces what is there.
        self.execute("UPDATE servers SET name = 'old'")
        processes.wait_for(
            lambda: self.query('SELECT name FROM servers') == [('web-1',)],
            'no report any more',
        )

    def look_up(self, token: str) -> int:
        """The status of the answer that a proxy gets of the API."""
        return deployment.call(
            f'{self.service.url}/os-console-auth-tokens/{token}',
            X_Auth_Token=_PROXY,
            X_OpenStack_Nova_API_Version='2.99',
        ).status

    @staticmethod
    def _greeting(proxy: str, token: str) -> str | bytes:
        """What the console says first to who comes with this token."""
        with ws_client.connect(
            f'{proxy.replace("http", "ws", 1)}/?token={token}',
            origin=Origin(proxy),
            compression=None,
            open_timeout=processes.PATIENCE,
        ) as session:
            return session.recv(processes.PATIENCE)

    def start_rest_proxy(self) -> None:
        """Start a proxy that asks the API instead of the conductor."""
        port = processes.free_port()
        self.rest_proxy_url = f'http://127.0.0.1:{port}'
        file = self.service.folder / 'rest.conf'
        processes.write_settings(
            file,
            {
                'proxy': {
                    'authority': 'rest',
                    # This service's API confirms each token by itself.
                    'rest_confirm': 'none',
                    'port': port,
                },
                'nova': {
                    'auth_type': 'admin_token',
                    'endpoint': self.service.url,
                    'token': _PROXY,
                },
            },
        )
        self.useFixture(
            processes.Process(
                processes.command('console-api-proxy'),
                f'--config-file={self.service.configuration}',
                f'--config-file={file}',
            )
        ).wait_until('READY=1')

    def _stored(self) -> list[str]:
        rows = self.query('SELECT token_hash FROM console_tokens')
        return [str(row[0]) for row in rows]

    def query(self, statement: str) -> list[Any]:
        """What the database of the service answers."""
        with self._connect() as connection:
            return list(connection.exec_driver_sql(statement))

    def execute(self, statement: str) -> None:
        """Change the database of the service."""
        with self._connect() as connection:
            connection.exec_driver_sql(statement)

    @contextlib.contextmanager
    def _connect(self) -> Iterator[sa.Connection]:
        engine = sa.create_engine(
            self.database_url, poolclass=sa.pool.NullPool
        )
        with engine.begin() as connection:
            yield connection

    @staticmethod
    def server(number: int) -> dict[str, Any]:
        """A server as an inventory file has it."""
        return {
            'id': f'{_SERVER[:-4]}{number:04}',
            'name': f'web-{number}',
            'project_id': _PROJECT,
        }

    def write_servers(self, servers: list[dict[str, Any]]) -> None:
        """What agents that start from now on simulate."""
        file = self.service.folder / 'inventory.yaml'
        file.write_text(yaml.safe_dump({'servers': servers}))
