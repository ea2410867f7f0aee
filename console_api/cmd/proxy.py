# SPDX-License-Identifier: Apache-2.0
"""console-api-proxy: runs on edge hosts, facing the users."""

import contextlib
import dataclasses
import socket
import sys

from oslo_config import cfg

from console_api import exception
from console_api import service
from console_api import systemd
from console_api import workers
from console_api.cmd import announcing
from console_api.cmd import lookup
from console_api.proxy import authority
from console_api.proxy import heap
from console_api.proxy import listeners
from console_api.proxy import post as posts
from console_api.proxy import server


def main() -> int:
    """Serve until SIGINT or SIGTERM."""
    return service.run(_main)


def _main() -> None:
    conf = cfg.CONF
    service.prepare(conf, sys.argv[1:])
    service.start_logging(conf)
    count = conf.proxy.workers or workers.per_core()
    with contextlib.ExitStack() as outer, contextlib.ExitStack() as stack:
        place = listeners.Place(
            conf.proxy.host, conf.proxy.port, reuse_port=count > 1
        )
        if conf.proxy.unix_socket:
            made = _unix_socket(conf)
            stack.callback(made.close)
            place = listeners.Place(shared=made.socket)
        elif count > 1:
            _check_free(conf)
        first = outer.enter_context(posts.among(conf, count, place))
        workers.run(
            count,
            lambda ready, index: _serve(
                conf, ready, dataclasses.replace(first, index=index)
            ),
            lambda: service.reload(conf),
            conf.proxy.drain_timeout + workers.GRACE,
            stack.close,
        )


def _unix_socket(conf: cfg.ConfigOpts) -> listeners.UnixSocket:
    """Made before there are workers, which share it."""
    path: str = conf.proxy.unix_socket
    try:
        return listeners.UnixSocket(path, int(conf.proxy.unix_socket_mode, 8))
    except OSError as exc:
        raise exception.ConfigurationError(
            f'cannot listen on {path}: {exc.strerror or exc}'
        ) from exc


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
        only = len({entry[0] for entry in found}) > 1
        for family, _, _, _, address in found:
            listeners.listen(family, address, False, only).close()
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
    conf: cfg.ConfigOpts, ready: workers.Ready, post: posts.Post
) -> None:
    with contextlib.ExitStack() as stack:
        # One of the workers speaks for all.
        look_up = lookup.make(conf, stack, checks=post.index == 0)
        proxy = server.ProxyThread(
            conf,
            authority.ThreadedAuthority(look_up),
            post=dataclasses.replace(
                post, announcer=announcing.make(conf, stack)
            ),
        )
        try:
            proxy.start()
        except OSError as exc:
            raise _cannot_listen(conf, exc) from exc
        heap.settle()
        service.wait_for_signal(
            lambda: service.reload(conf, proxy.reload), ready
        )
        patience = conf.proxy.drain_timeout
        systemd.stopping(patience + workers.GRACE)
        service.at_signals(proxy.hurry)
        proxy.stop(patience=patience)
        proxy.check()
