# SPDX-License-Identifier: Apache-2.0
"""What is measured: this service as operators deploy it, and Nova beside it.

The service runs under uWSGI as its sample file says, with an agent, a
conductor, RabbitMQ, MariaDB and Keystone in processes of their own, all
started for the benchmark. Nova is one that runs already.
"""

import argparse
from collections.abc import Iterator
from collections.abc import Mapping
import contextlib
import dataclasses
import os
from typing import Any
from urllib import parse

from benchmarks.api import load
from tests.fixtures import deployment
from tests.fixtures import keystone
from tests.fixtures import private
from tests.fixtures import processes

#: Where the tokens for Nova are, which a command line would show to others.
TOKEN = 'NOVA_TOKEN'
SERVICE_TOKEN = 'NOVA_SERVICE_TOKEN'
#: Whose memory is counted: the rest is there anyway.
SERVICE = ('api', 'conductor', 'agent', 'compute')

_VERSION = {'OpenStack-API-Version': 'compute 2.99'}


@dataclasses.dataclass(frozen=True)
class Subject:
    """Where an API answers, what it is asked, which processes it takes."""

    name: str
    host: str
    port: int
    requests: Mapping[str, load.Request]
    processes: Mapping[str, int]


class _Installed(deployment.Deployment):
    """Logs to a file, as a service does."""

    def _write(self) -> None:
        self._more = {
            **self._more,
            'DEFAULT': {'log_file': self.folder / 'service.log'},
        }
        super()._write()


@contextlib.contextmanager
def ours() -> Iterator[Subject]:
    """This service with everything that it needs.

    :raises RuntimeError: something that it needs is not installed
    """
    problem = private.problem() or keystone.problem()
    if problem is not None:
        raise RuntimeError(problem)
    with contextlib.ExitStack() as stack:
        cloud = stack.enter_context(keystone.Keystone())
        bus = stack.enter_context(private.RabbitMQ())
        database = stack.enter_context(private.MariaDB())
        service = stack.enter_context(_installed(cloud, bus, database))
        users = {
            'member': cloud.user('member', 'member', project='ours'),
            'service': cloud.user('proxy', 'service', project='service'),
        }
        tokens = {name: user.token() for name, user in users.items()}
        where = ('127.0.0.1', service.api_port)
        listing = load.Request(
            'GET', '/v2.1/servers', None, {'X-Auth-Token': tokens['member']}
        )

        def servers() -> Any:
            return load.send(*where, listing)['servers']

        processes.wait_for(servers, 'no report of a server')
        yield Subject(
            'console_api',
            *where,
            requests(
                *where,
                '/v2.1',
                servers()[0]['id'],
                tokens['member'],
                tokens['service'],
            ),
            {
                'api': service.api.process.pid,
                'conductor': service.conductor.process.pid,
                'agent': service.agent.process.pid,
                'database': database.pid,
                'bus': bus.pid,
            },
        )


def _installed(
    cloud: keystone.Keystone, bus: private.RabbitMQ, database: private.MariaDB
) -> _Installed:
    user = cloud.user('console', 'service', project='service')
    return _Installed(
        bus.url,
        database.url,
        [{'name': 'web', 'project_id': cloud.projects['ours']}],
        {
            'keystone_authtoken': {
                'www_authenticate_uri': cloud.url,
                'auth_type': 'password',
                'service_token_roles_required': True,
                **user.authentication(),
            }
        },
    )


def nova(options: argparse.Namespace) -> Subject:
    """A Nova that runs, with the tokens of the environment.

    :raises RuntimeError: it does not answer as it should
    """
    parts = parse.urlsplit(options.nova)
    where = (parts.hostname or '127.0.0.1', parts.port or 80)
    return Subject(
        'nova',
        *where,
        requests(
            *where,
            parts.path.rstrip('/'),
            options.nova_server,
            os.environ[TOKEN],
            os.environ[SERVICE_TOKEN],
        ),
        dict(options.nova_process),
    )


def requests(
    host: str, port: int, root: str, server: str, token: str, service: str
) -> dict[str, load.Request]:
    """What is measured, by name; ``token`` and ``service`` are Keystone's.

    :raises RuntimeError: no console was made
    """
    create = load.Request(
        'POST',
        f'{root}/servers/{server}/remote-consoles',
        {'remote_console': {'protocol': 'vnc', 'type': 'novnc'}},
        {**_VERSION, 'X-Auth-Token': token},
    )
    made: Any = load.send(host, port, create)
    url = parse.unquote(made['remote_console']['url'])
    console = url.rpartition('token=')[2]
    return {
        'discovery': load.Request('GET', f'{root}/'),
        'create': create,
        'token': load.Request(
            'GET',
            f'{root}/os-console-auth-tokens/{console}',
            None,
            {**_VERSION, 'X-Auth-Token': service},
        ),
    }
