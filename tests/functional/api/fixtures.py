# SPDX-License-Identifier: Apache-2.0
"""The service as the files in gabbits/ name it."""

import os
import time
from typing import ClassVar
from urllib import parse

from gabbi import fixture
from oslo_config import cfg
from oslo_middleware import cors
from oslo_middleware import http_proxy_to_wsgi

from console_api.db import models
from console_api.db import tokens as db_tokens
from console_api.virt.fake import inventory
from tests.fixtures import driver
from tests.fixtures import service

_CALLERS = (
    'ADMIN',
    'MEMBER',
    'NOBODY',
    'OTHER_PROJECT',
    'PROJECT',
    'READER',
    'SERVICE',
    'STRANGER',
)
_URLS = {
    'vnc': {'novncproxy_base_url': 'http://proxy:6080/vnc_auto.html'},
    'spice': {
        'enabled': True,
        'html5proxy_base_url': 'http://proxy:6082/spice_auto.html',
        'spice_direct_proxy_base_url': 'http://proxy:13002/nova',
    },
    'serial_console': {'enabled': True, 'base_url': 'ws://proxy:6083/'},
    'mks': {'enabled': True, 'mksproxy_base_url': 'http://proxy:6090/'},
}


class ConsoleFixture(fixture.GabbiFixture):
    """Every console type is offered and every server of the inventory there.

    Callers and servers are in the environment: MEMBER, ACTIVE ...
    """

    #: The service of the file that runs now.
    running: ClassVar[service.Service | None] = None

    settings: dict[str, dict[str, object]] = {}
    driver = driver.EveryConsole

    def start_fixture(self) -> None:
        # These are known to their filters alone, once they are loaded.
        cfg.CONF.register_opts(
            http_proxy_to_wsgi.OPTS, group='oslo_middleware'
        )
        cfg.CONF.register_opts(cors.OPTS, group='cors')
        self.service = service.Service(
            driver=self.driver, **{**_URLS, **self.settings}
        )
        self.service.setUp()
        ConsoleFixture.running = self.service
        for name in _CALLERS:
            os.environ[name] = getattr(service, name)
        for server in inventory.load(str(service.INVENTORY)):
            os.environ[server.name.upper().replace('-', '_')] = server.id

    def stop_fixture(self) -> None:
        ConsoleFixture.running = None
        self.service.cleanUp()


class ScreenOnlyFixture(ConsoleFixture):
    """The hypervisor has VNC alone."""

    driver = driver.ScreenOnly


class DisabledFixture(ConsoleFixture):
    """Every console type is switched off."""

    settings = {
        'vnc': {'enabled': False},
        'spice': {'enabled': False},
        'serial_console': {'enabled': False},
        'mks': {'enabled': False},
    }


class ImpatientFixture(ConsoleFixture):
    """Agents have one second to answer."""

    settings = {'agent': {'rpc_timeout': 1}}


class SmallPagesFixture(ConsoleFixture):
    """No more than three servers in one answer."""

    settings = {'api': {'max_limit': 3}}


class PrefixFixture(ConsoleFixture):
    """Links start with a configured URL."""

    settings = {
        'api': {'compute_link_prefix': 'https://cloud.example.com/compute/'}
    }


class ProxiedFixture(ConsoleFixture):
    """What a proxy in front says of the request is believed."""

    settings = {'oslo_middleware': {'enable_proxy_headers_parsing': True}}


class CrossOriginFixture(ConsoleFixture):
    """One foreign origin may call the API."""

    settings = {'cors': {'allowed_origin': ['https://dashboard.example.com']}}


class TokensFixture(ConsoleFixture):
    """There are tokens: NOVNC_TOKEN, DIRECT_TOKEN, and some that are void."""

    def start_fixture(self) -> None:
        super().start_fixture()
        wanted = {
            'NOVNC_TOKEN': ('vnc', 'novnc'),
            'HTML5_TOKEN': ('spice', 'spice-html5'),
            'DIRECT_TOKEN': ('spice', 'spice-direct'),
            'SERIAL_TOKEN': ('serial', 'serial'),
            'MKS_TOKEN': ('mks', 'webmks'),
        }
        for name, (protocol, kind) in wanted.items():
            os.environ[name] = self._token(
                os.environ['ACTIVE'], protocol, kind
            )
        rescued = os.environ['RESCUED']
        os.environ['REVOKED_TOKEN'] = self._token(rescued, 'vnc', 'novnc')
        with self.service.database.writer() as connection:
            db_tokens.revoke(connection, [rescued])
        paused = os.environ['PAUSED']
        os.environ['GONE_TOKEN'] = self._token(paused, 'vnc', 'novnc')
        self.service.agent.driver.gone.add(paused)
        rebooting = os.environ['REBOOTING']
        os.environ['EXPIRED_TOKEN'] = self._token(rebooting, 'vnc', 'novnc')
        table = models.console_tokens
        with self.service.database.writer() as connection:
            connection.execute(
                table.update()
                .where(table.c.server_id == rebooting)
                .values(expires_at=int(time.time()))
            )

    def _token(self, server_id: str, protocol: str, kind: str) -> str:
        answer = self.service.call(
            'POST',
            f'/v2.1/servers/{server_id}/remote-consoles',
            {'remote_console': {'protocol': protocol, 'type': kind}},
            version='2.99',
        )
        url = answer.json['remote_console']['url']
        return parse.unquote(url).rpartition('token=')[2]
