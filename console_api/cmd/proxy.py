# SPDX-License-Identifier: Apache-2.0
"""console-api-proxy: runs on edge hosts, facing the users."""

import contextlib
import socket
import sys

from oslo_config import cfg

from console_api import exception
from console_api import service
from console_api import systemd
from console_api import workers
from console_api.cmd import lookup
from console_api.proxy import authority
from console_api.proxy import heap
from console_api.proxy import server

#: Look-ups of tokens that one worker has under way at once.
_LOOKUPS = 8


def main() -> int:
    """Serve until SIGINT or SIGTERM."""
    return service.run(_main)


def _main() -> None:
    conf = cfg.CONF
    service.prepare(conf, sys.argv[1:])
    service.start_logging(conf)
    count = conf.proxy.workers or workers.per_core()
    if count > 1:
        _check_free(conf)
    workers.run(
        count,
        lambda ready: _serve(conf, ready, reuse_port=count > 1),
        lambda: service.reload(conf),
        conf.proxy.drain_timeout + workers.GRACE,
    )


def _check_free(conf: cfg.ConfigOpts) -> None:
    """Refuse to share the port with another program.

    The workers share it among themselves, and the kernel would let any other
    process of this user join them unseen.
    """
    try:
        found = socket.getaddrinfo(
            conf.proxy.host,
            conf.proxy.port,
            type=socket.SOCK_STREAM,
            flags=socket.AI_PASSIVE,
        )
        for family, kind, _, _, address in found:
            with socket.socket(family, kind) as sock:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                if family == socket.AF_INET6:
                    sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
                sock.bind(address)
    except OSError as exc:
        raise _cannot_listen(conf, exc) from exc


def _cannot_listen(
    conf: cfg.ConfigOpts, exc: OSError
) -> exception.ConfigurationError:
    return exception.ConfigurationError(
        f'cannot listen on {conf.proxy.host} port {conf.proxy.port}: '
        f'{exc.strerror}'
    )


def _serve(
    conf: cfg.ConfigOpts, ready: workers.Ready, reuse_port: bool
) -> None:
    with contextlib.ExitStack() as stack:
        proxy = server.ProxyThread(
            conf,
            authority.ThreadedAuthority(lookup.make(conf, stack), _LOOKUPS),
            reuse_port=reuse_port,
        )
        try:
            proxy.start()
        except OSError as exc:
            raise _cannot_listen(conf, exc) from exc
        heap.settle()
        ready()
        service.wait_for_signal(lambda: service.reload(conf, proxy.reload))
        patience = conf.proxy.drain_timeout
        systemd.stopping(patience + workers.GRACE)
        service.at_signals(proxy.hurry)
        proxy.stop(patience=patience)
