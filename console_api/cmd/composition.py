# SPDX-License-Identifier: Apache-2.0
"""API, agent, conductor and proxy put together in one process."""

import argparse
from collections.abc import Mapping
import contextlib
import dataclasses
import pathlib
from urllib import parse

from cheroot import wsgi
from oslo_config import cfg
import oslo_messaging
from oslo_middleware import cors

from console_api import context
from console_api import exception
from console_api import threads
from console_api.agent import process as agent_process
from console_api.api import app
from console_api.api import auth
from console_api.cmd import front
from console_api.cmd import simulation
from console_api.cmd import state
from console_api.conductor import process as conductor_process
from console_api.consoles import access
from console_api.consoles import tokens
from console_api.consoles import types
from console_api.db import api as db_api
from console_api.db import migration
from console_api.proxy import authority
from console_api.proxy import server as proxy_server
from console_api.servers import directory
from console_api.servers import enrolment
from console_api.servers import registry
from console_api.virt.libvirt import driver as libvirt_driver

#: The name under which the one agent reports its servers.
HOST = 'standalone'

_API_THREADS = 10
#: How long the agent here may take to start, in seconds.
_GOOD_FOR = 3600
_MAX_HEADER_BYTES = 64 * 1024


def configure(
    conf: cfg.ConfigOpts,
    options: argparse.Namespace,
    directory: state.StateDir,
) -> None:
    """Set every option that one process on one machine needs."""
    db_api.register_opts(conf)
    # Registers oslo.messaging's options, so that they can be set.
    oslo_messaging.set_transport_defaults('console_api')
    oslo_messaging.get_rpc_transport(conf, url='fake://').cleanup()
    values: dict[str, dict[str, object]] = {
        'DEFAULT': {
            'host': HOST,
            'transport_url': 'fake://',
            'log_file': str(directory.log_file),
        },
        'agent': {
            'key_file': str(directory.key_file),
            'enrolment_word_file': str(directory.word_file),
        },
        'api': {'auth_strategy': 'noauth'},
        # The hypervisor, the agent and the proxy are here.
        'console': {'allowed_targets': ['127.0.0.0/8', '::1']},
        'database': {'connection': directory.database_url},
        'fake': {
            'inventory': options.inventory and str(options.inventory),
        },
        'libvirt': {'connection_uri': options.libvirt_uri},
        'mks': {'enabled': True},
        'proxy': {'host': options.host, 'port': options.proxy_port},
        'serial_console': {'enabled': True},
        'spice': {'enabled': True},
        # A password of a guest here is known to the agent here.
        'vnc': {'auth_schemes': ['none', 'vnc']},
    }
    for group, settings in values.items():
        for name, value in settings.items():
            conf.set_override(
                name, value, group=None if group == 'DEFAULT' else group
            )


def choose_driver(conf: cfg.ConfigOpts, options: argparse.Namespace) -> str:
    """Set ``[agent] driver``; returns what was chosen, and why, in words."""
    if options.inventory is not None:
        chosen, why = 'fake', f'fake, with the servers of {options.inventory}'
    elif options.driver != 'auto':
        chosen = why = options.driver
    else:
        problem = libvirt_driver.probe(conf)
        if problem is None:
            chosen, why = 'libvirt', f'libvirt, at {options.libvirt_uri}'
        else:
            chosen, why = 'fake', f'fake: simulated servers, since {problem}'
    conf.set_override('driver', chosen, group='agent')
    return why


@dataclasses.dataclass(frozen=True)
class ReadyConsoles:
    """A server's new console URLs by type, or the reason why it has none."""

    urls: Mapping[str, str]
    problem: str = 'It offers no console.'


class Standalone:
    """The whole service; ``conf`` has been through ``configure``.

    :raises ConfigurationError: the driver does not work here
    """

    def __init__(
        self, conf: cfg.ConfigOpts, host: str, api_port: int, proxy_port: int
    ) -> None:
        self._conf = conf
        self._host = host
        self._ports = {'API': api_port, 'console proxy': proxy_port}
        self._database = db_api.Database(conf)
        migration.sync(self._database)
        self._directory = registry.Registry(self._database)
        self._front = front.Front(conf, self._directory)
        self._cleanup = contextlib.ExitStack()
        self.api_url = self.proxy_url = ''

    def start(self) -> None:
        """Return when the API, the proxy and the inventory are ready.

        :raises ConfigurationError: a port is in use or the driver fails
        """
        with contextlib.ExitStack() as stack:
            stack.callback(self._database.close)
            conductor = conductor_process.Conductor(self._conf)
            conductor.start()
            stack.callback(conductor.stop)
            self._start_proxy(stack, conductor)
            self._start_agent(stack, conductor)
            self._start_api(stack)
            self._cleanup = stack.pop_all()

    def stop(self) -> None:
        """End all sessions and release everything."""
        self._cleanup.close()

    def servers(self) -> list[directory.Server]:
        """The servers that were found, by name."""
        servers = self._directory.list(
            directory.ServerQuery(
                limit=self._conf.api.max_limit, all_projects=True
            )
        )
        return sorted(servers, key=lambda s: (s.name, s.id))

    def consoles(self, server: directory.Server) -> ReadyConsoles:
        """A URL to open for each console that the server offers."""
        if server.host not in (None, HOST):
            # It is known without waiting for an answer: no agent is there.
            away = exception.HostUnavailable(server.id)
            return ReadyConsoles({}, away.public_message)
        urls: dict[str, str] = {}
        problems: list[str] = []
        for name in server.consoles:
            try:
                url = self._console(server, types.CONSOLE_TYPES[name])
            except exception.DomainError as exc:
                problems.append(exc.public_message)
            else:
                urls[name] = url
        return ReadyConsoles(urls, *problems[:1])

    def _console(
        self, server: directory.Server, console_type: types.ConsoleType
    ) -> str:
        caller = context.RequestContext(
            user_id=auth.NOAUTH_PROJECT,
            project_id=server.project_id,
            overwrite=False,
        )
        url = self._broker.create(
            caller, access.of_operator(server), console_type
        )
        if console_type.name != 'serial':
            return url
        # The API's own answer is for a WebSocket; there is a page for it.
        return f'{self.proxy_url}/serial.html?{parse.urlsplit(url).query}'

    def _start_agent(
        self,
        stack: contextlib.ExitStack,
        conductor: conductor_process.Conductor,
    ) -> None:
        self._broker = conductor.broker
        simulation.place_strangers(self._conf, conductor.recorder)
        agent = agent_process.Agent(self._conf)
        stack.callback(agent.stop)
        self._enrol()
        try:
            agent.reporter.report()
        except exception.DomainError as exc:
            raise exception.ConfigurationError(exc.public_message) from exc
        agent.start()

    def _enrol(self) -> None:
        """Let the agent here in, as an operator does."""
        word = enrolment.issue(self._database, HOST, _GOOD_FOR)
        file = pathlib.Path(self._conf.agent.enrolment_word_file)
        # The directory is private.
        file.write_text(f'{word.reveal()}\n', encoding='ascii')

    def _start_proxy(
        self,
        stack: contextlib.ExitStack,
        conductor: conductor_process.Conductor,
    ) -> None:
        def lookup(
            token: str, key: tokens.SessionKey | None = None
        ) -> types.ConsoleGrant:
            return conductor.broker.grant(
                context.service_context(),
                tokens.Token(token).digest(),
                session=True,
                views=True,
                key=key,
            )

        proxy = proxy_server.ProxyThread(
            self._conf,
            authority.ThreadedAuthority(lookup),
            front=self._front,
        )
        try:
            proxy.start()
        except OSError as exc:
            raise self._no_port('console proxy', exc) from exc
        stack.callback(proxy.stop)
        host, port = proxy.addresses[0]
        self.proxy_url = f'http://{_bracketed(host)}:{port}'
        self._offer_consoles(f'{_bracketed(host)}:{port}')
        # The front page asks the API, which is another origin.
        self._conf.register_opts(cors.OPTS, group='cors')
        self._conf.set_override(
            'allowed_origin', [self.proxy_url], group='cors'
        )

    def _offer_consoles(self, address: str) -> None:
        # One port for all: the proxy knows the type from the token.
        urls = {
            'novnc': f'http://{address}/vnc_auto.html',
            'spice-html5': f'http://{address}/spice_auto.html',
            'spice-direct': f'http://{address}/spice-direct',
            'serial': f'ws://{address}/',
            'webmks': f'http://{address}/mks.html',
        }
        for name, url in urls.items():
            row = types.CONSOLE_TYPES[name]
            self._conf.set_override(row.base_url_option, url, group=row.group)

    def _start_api(self, stack: contextlib.ExitStack) -> None:
        server = wsgi.Server(
            (self._host, self._ports['API']),
            app.load(self._conf),
            numthreads=_API_THREADS,
            request_queue_size=128,
            shutdown_timeout=2,
        )
        server.max_request_header_size = _MAX_HEADER_BYTES
        try:
            server.prepare()
        except OSError as exc:
            raise self._no_port('API', exc) from exc
        thread = threads.Supervised('api', server.serve)
        thread.start()
        stack.callback(thread.join)
        stack.callback(server.stop)
        host, port = server.bind_addr[:2]
        self.api_url = f'http://{_bracketed(host)}:{port}'
        self._front.api_url = self.api_url

    def _no_port(
        self, what: str, exc: OSError
    ) -> exception.ConfigurationError:
        option = 'api' if what == 'API' else 'proxy'
        return exception.ConfigurationError(
            f'the {what} cannot listen on {self._host} port '
            f'{self._ports[what]}: {exc.strerror or exc}; choose another '
            f'with --{option}-port'
        )


def _bracketed(host: str) -> str:
    return f'[{host}]' if ':' in host else host
