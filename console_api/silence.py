# SPDX-License-Identifier: Apache-2.0
"""Says in the log on which way a call over the message bus got no answer."""

from collections.abc import Callable
import logging
import threading
import time

import oslo_messaging

LOG = logging.getLogger(__name__)

#: A host that is away is a line each so many seconds, not one for each call.
_SECONDS = 10.0


class SilenceLog:
    """Warns of calls that were not answered, with what both sides must share.

    Who listens elsewhere is as silent as who is away: on another exchange, on
    another virtual host of the bus, under another name of the host.
    """

    def __init__(
        self,
        transport: oslo_messaging.Transport,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._exchange = transport.conf.rpc_exchange
        url = oslo_messaging.TransportURL.parse(transport.conf)
        self._virtual_host = url.virtual_host or '/'
        self._clock = clock
        self._lock = threading.Lock()
        #: For each topic: when it may be named again, and how often since.
        self._named: dict[str, tuple[float, int]] = {}

    def warn(self, who: str, topic: str, exc: Exception) -> None:
        """One line, unless this topic was named in the last seconds."""
        missed = self._missed(topic)
        if missed is None:
            return
        LOG.warning(
            'No answer of %(who)s (%(error)s; %(missed)d more calls since the '
            'last line): topic %(topic)s, exchange %(exchange)s, virtual host '
            '%(virtual_host)s. Either it does not run, or its [DEFAULT] host, '
            'rpc_exchange or transport_url differs from that.',
            {
                'who': who,
                'error': type(exc).__name__,
                'missed': missed,
                'topic': topic,
                'exchange': self._exchange,
                'virtual_host': self._virtual_host,
            },
        )

    def _missed(self, topic: str) -> int | None:
        """How many lines were left out; None: leave this one out, too."""
        now = self._clock()
        with self._lock:
            until, missed = self._named.get(topic, (now, 0))
            if now < until:
                self._named[topic] = (until, missed + 1)
                return None
            self._named[topic] = (now + _SECONDS, 0)
            return missed
