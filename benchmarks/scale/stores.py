# SPDX-License-Identifier: Apache-2.0
"""The API over databases of several sizes, with an agent that answers."""

from collections.abc import Iterator
from collections.abc import Mapping
import contextlib
import dataclasses
import pathlib
import tempfile
from typing import Any
from unittest import mock

from oslo_config import cfg
import oslo_messaging
from oslo_policy import opts as policy_opts
import webob

from benchmarks.scale import population
from console_api import service
from console_api.agent import rpcapi
from console_api.api import app
from console_api.api import middleware
from console_api.consoles import tokens
from console_api.consoles import types
from console_api.db import api as db_api
from console_api.db import migration
from tests.fixtures import databases

ADMIN = 'root:operators:admin'
KINDS = ('sqlite', 'mariadb', 'postgresql')


@dataclasses.dataclass(frozen=True)
class Store:
    """A filled database and the API over it."""

    population: population.Population
    database: db_api.Database
    application: middleware.WSGIApp

    def call(
        self, method: str, path: str, body: Any = None, token: str = ADMIN
    ) -> Any:
        """The answer of the API to a request, as JSON.

        :raises RuntimeError: the status is not 200
        """
        request = webob.Request.blank(path, method=method)
        request.headers['X-Auth-Token'] = token
        request.headers['OpenStack-API-Version'] = 'compute 2.99'
        if body is not None:
            request.json = body
            request.content_type = 'application/json'
        answer = request.get_response(self.application)
        if answer.status_int != 200:
            raise RuntimeError(f'{path}: {answer.status} {answer.text}')
        return answer.json


@contextlib.contextmanager
def opened(kind: str) -> Iterator['Stores']:
    """Room for databases of one kind, which are dropped at the end."""
    with contextlib.ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        conf = configure(pathlib.Path(folder))
        stack.callback(conf.reset)
        stack.enter_context(_answering_agents())
        yield Stores(kind, conf, pathlib.Path(folder), stack)


class Stores:
    """Makes databases of one kind."""

    def __init__(
        self,
        kind: str,
        conf: cfg.ConfigOpts,
        folder: pathlib.Path,
        stack: contextlib.ExitStack,
    ) -> None:
        self._kind = kind
        self._conf = conf
        self._folder = folder
        self._stack = stack

    def make(self, people: population.Population) -> Store:
        """A database with so many rows, and the API over it."""
        url = self._url(people.servers)
        self._conf.set_override('connection', url, group='database')
        database = db_api.Database(self._conf)
        self._stack.callback(database.close)
        migration.sync(database)
        engine = database.engine()
        people.fill(engine)
        with engine.connect() as connection:
            connection.exec_driver_sql(
                'ANALYZE'
                if engine.dialect.name in ('postgresql', 'sqlite')
                else 'ANALYZE TABLE servers, console_tokens, agents'
            )
            connection.commit()
        # One pool for all, which is closed before the database is dropped.
        with mock.patch.object(db_api, 'Database', lambda *_: database):
            return Store(people, database, app.load(self._conf))

    def _url(self, servers: int) -> str:
        if self._kind == 'sqlite':
            return f'sqlite:///{self._folder}/{servers}.sqlite'
        scratch = (
            databases.MariaDB()
            if self._kind == 'mariadb'
            else databases.PostgreSQL()
        )
        scratch.setUp()
        self._stack.callback(scratch.cleanUp)
        return str(scratch.url)


def configure(folder: pathlib.Path) -> cfg.ConfigOpts:
    """The options of a service that authenticates nobody and logs to a file.

    They are the process's own, which oslo.messaging reads too.
    """
    conf = cfg.CONF
    service.prepare(conf, [], files=False)
    db_api.register_opts(conf)
    oslo_messaging.get_rpc_transport(conf, url='fake://').cleanup()
    policy_opts.set_defaults(conf)
    (folder / 'policy.yaml').write_text('{}\n')
    values: Mapping[str | None, Mapping[str, object]] = {
        None: {
            'transport_url': 'fake://',
            'host': 'benchmark',
            'log_file': str(folder / 'service.log'),
        },
        'api': {'auth_strategy': 'noauth'},
        'console': {'allowed_targets': []},
        'oslo_policy': {'policy_file': str(folder / 'policy.yaml')},
    }
    for group, options in values.items():
        for name, value in options.items():
            conf.set_override(name, value, group=group)
    return conf


@contextlib.contextmanager
def _answering_agents() -> Iterator[None]:
    """Every agent answers at once, in this process."""

    def get_console(*_: object) -> rpcapi.IssuedConsole:
        token = tokens.Token.new()
        return rpcapi.IssuedConsole(
            token,
            f'http://127.0.0.1/vnc_auto.html?token={token.reveal()}',
            types.ConnectInfo(host='192.0.2.1', port=5900),
        )

    with (
        mock.patch.object(rpcapi.AgentAPI, 'get_console', get_console),
        mock.patch.object(rpcapi.AgentAPI, 'confirm_console', lambda *_: True),
    ):
        yield
