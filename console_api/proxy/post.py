# SPDX-License-Identifier: Apache-2.0
"""The post of one worker among those of a proxy: what it is given."""

from collections.abc import Iterator
from collections.abc import Sequence
import contextlib
import dataclasses
import socket

from oslo_config import cfg

from console_api import statusserver
from console_api.conf import proxy_status
from console_api.proxy import listeners
from console_api.proxy import outlook
from console_api.proxy import usage


@dataclasses.dataclass(frozen=True)
class Post:
    """What one worker is given; the sockets belong to whoever made them.

    ``status`` are listening sockets that all workers share, ``doors`` those
    at which each worker answers the others: its own is at ``index``.
    """

    index: int = 0
    #: Where it listens; None for what the options say.
    place: listeners.Place | None = None
    status: Sequence[socket.socket] = ()
    doors: Sequence[socket.socket] = ()
    #: What the workers share of the use of sessions; None where there is one.
    board: usage.Board | None = None
    #: None where there are no notifications.
    announcer: outlook.Announcer | None = None


#: For a proxy of one worker that tells nothing of itself.
ALONE = Post()


@contextlib.contextmanager
def among(
    conf: cfg.ConfigOpts, count: int, place: listeners.Place | None = None
) -> Iterator[Post]:
    """The post of the first of so many workers, which listen at ``place``.

    What is opened here outlives each single worker.

    :raises ConfigurationError: the status address cannot be listened on
    """
    with statusserver.Place.open(conf, proxy_status.GROUP, count) as status:
        yield Post(
            place=place,
            status=status.shared,
            doors=status.doors,
            board=usage.Board() if count > 1 else None,
        )
