# SPDX-License-Identifier: Apache-2.0
"""The proxy as it is measured: all of it, with an authority in memory.

``python -m benchmarks.proxy.served BACKEND_PORT LOG_FILE`` prints its port
and serves until standard input ends. Every token leads to the backend, with
``VIEW_ONLY`` to a session whose input is left out. For each line of input it
prints how many tasks it has for connections. With ``CERTIFICATE ORIGIN``
behind these it speaks TLS and lets that Origin in.
"""

import asyncio
import logging
import resource
import sys
import time

from oslo_config import cfg

from console_api import conf as console_conf
from console_api.consoles import tokens
from console_api.consoles import types
from console_api.proxy import heap
from console_api.proxy import server

#: Seconds until a connection that says nothing is closed.
HANDSHAKE_TIMEOUT = 5
#: The token of sessions that look on.
VIEW_ONLY = 'cd' * 32


class Local:
    """An authority that answers at once."""

    def __init__(self, port: int) -> None:
        self._port = port

    async def authorize(
        self, token: str, key: tokens.SessionKey | None = None
    ) -> types.ConsoleGrant:
        """Any token is good."""
        del key
        return types.ConsoleGrant(
            server_id='5f3c1a52-0000-4000-8000-000000000001',
            console_type='novnc',
            connect=types.ConnectInfo('127.0.0.1', self._port),
            expires_at=int(time.time()) + 600,
            project_id='5f3c1a5200004000800000000000002',
            user_id='5f3c1a5200004000800000000000003',
            view_only=token == VIEW_ONLY,
        )

    async def probe(self, token: str) -> None:
        """There is always an answer."""
        await self.authorize(token)


async def _serve(conf: cfg.ConfigOpts, port: int) -> None:
    proxy = server.ProxyServer(conf, Local(port))
    await proxy.start()
    heap.settle()
    print(proxy.addresses[0][1], flush=True)
    idle = len(asyncio.all_tasks())
    while await asyncio.to_thread(sys.stdin.readline):
        print(len(asyncio.all_tasks()) - idle, flush=True)
    await proxy.stop(grace=0)


def main() -> None:
    """Serve until standard input ends."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    logging.basicConfig(
        filename=sys.argv[2],
        level=logging.INFO,
        format='%(asctime)s %(process)d %(levelname)s %(name)s %(message)s',
    )
    conf = cfg.ConfigOpts()
    console_conf.register_opts(conf)
    conf([], project='console_api', default_config_files=[])
    conf.set_override('host', '127.0.0.1', group='proxy')
    conf.set_override('port', 0, group='proxy')
    conf.set_override('handshake_timeout', HANDSHAKE_TIMEOUT, group='proxy')
    # All sessions are at one server and come from here.
    for name in ('sessions_per_server', 'sessions_per_client'):
        conf.set_override(f'max_{name}', 0, group='proxy')
    conf.set_override('max_handshakes_per_client', 0, group='proxy')
    if len(sys.argv) > 3:
        conf.set_override('cert', sys.argv[3])
        conf.set_override('allowed_origins', [sys.argv[4]], group='console')
    with asyncio.Runner(loop_factory=server.new_event_loop) as runner:
        runner.run(_serve(conf, int(sys.argv[1])))


if __name__ == '__main__':
    main()
