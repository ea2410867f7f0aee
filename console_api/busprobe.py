# SPDX-License-Identifier: Apache-2.0
"""Asks the message bus whether it takes messages, within a deadline."""

import ssl
import time
from typing import Any

import kombu.connection
import kombu.exceptions
from oslo_config import cfg
from oslo_log import log as logging
import oslo_messaging

LOG = logging.getLogger(__name__)

_AMQP = 5672
#: AMQP's code for ACCESS_REFUSED.
_FORBIDDEN = 403
#: A queue that nobody has: RabbitMQ confirms what is sent there and drops it.
_NOWHERE = 'console_api.nowhere'
#: In an alarm RabbitMQ still takes the first message of a connection.
_MESSAGES = 2


class BusBlocked(Exception):
    """RabbitMQ has an alarm: it takes no messages until that is over."""


class BusProbe:
    """Logs in at the hosts of ``transport_url`` and sends two messages.

    The options of oslo.messaging's driver must be known: make a transport
    before. ``timeout`` is in seconds and for one probe.
    """

    def __init__(self, conf: cfg.ConfigOpts, timeout: float) -> None:
        self._conf = conf
        self._timeout = timeout
        self._url = oslo_messaging.TransportURL.parse(conf)

    def check(self) -> None:
        """Return if a host of the bus takes messages.

        :raises Exception: none does; it is what the last one said
        """
        if self._url.transport != 'rabbit':
            return
        hosts = list(self._url.hosts) or [
            oslo_messaging.TransportHost('localhost')
        ]
        end = time.monotonic() + self._timeout
        while hosts:
            host = hosts.pop(0)
            # A host that is silent leaves time for those after it.
            share = (end - time.monotonic()) / (len(hosts) + 1)
            try:
                self._send(host, max(share, self._timeout / 10))
            except Exception as exc:
                if not hosts:
                    raise
                LOG.warning('Not at %s: %r', host.hostname, exc)
            else:
                return

    def _send(
        self, host: oslo_messaging.TransportHost, patience: float
    ) -> None:
        blocked: list[str] = []
        # Not through the connection itself, which tries again and again.
        transport = self._connection(host, patience, blocked).transport
        established = transport.establish_connection()
        try:
            self._publish(established, patience, blocked)
        except Exception:
            # Its end is not waited for: the broker may read nothing.
            established.collect()
            raise
        transport.close_connection(established)

    @staticmethod
    def _publish(
        established: Any, patience: float, blocked: list[str]
    ) -> None:
        channel = established.channel()
        for _ in range(_MESSAGES):
            try:
                channel.basic_publish(
                    channel.prepare_message(b''),
                    exchange='',
                    routing_key=_NOWHERE,
                    timeout=patience,
                )
            except kombu.exceptions.ChannelError as exc:
                if exc.code != _FORBIDDEN:
                    raise
                # Who may not send there has an answer all the same.
                return
            if blocked:
                raise BusBlocked(blocked[0])

    def _connection(
        self,
        host: oslo_messaging.TransportHost,
        patience: float,
        blocked: list[str],
    ) -> kombu.connection.Connection:
        group = self._conf.oslo_messaging_rabbit
        return kombu.connection.Connection(  # type: ignore[no-untyped-call]
            hostname=host.hostname,
            port=host.port or _AMQP,
            userid=host.username,
            password=host.password,
            virtual_host=self._url.virtual_host,
            ssl=self._tls(host),
            login_method=group.rabbit_login_method,
            connect_timeout=patience,
            transport_options={
                'read_timeout': patience,
                'write_timeout': patience,
                'confirm_publish': True,
                'on_blocked': blocked.append,
            },
        )

    def _tls(
        self, host: oslo_messaging.TransportHost
    ) -> dict[str, object] | bool:
        # As the driver has it.
        group = self._conf.oslo_messaging_rabbit
        if not group.ssl:
            return False
        given: dict[str, object] = {}
        if group.ssl_key_file:
            given['keyfile'] = group.ssl_key_file
        if group.ssl_cert_file:
            given['certfile'] = group.ssl_cert_file
        if group.ssl_ca_file:
            given['ca_certs'] = group.ssl_ca_file
            given['cert_reqs'] = ssl.CERT_REQUIRED
            given['server_hostname'] = host.hostname
        return given or True
