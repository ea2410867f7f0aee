# SPDX-License-Identifier: Apache-2.0
"""The message bus: transport, clients and servers, and what may cross it."""

from collections.abc import Mapping
from collections.abc import Sequence
from typing import Any

from oslo_config import cfg
import oslo_messaging

from console_api import context as console_context
from console_api import hostnames

#: Each agent listens on a topic of its own below this one.
AGENT_TOPIC = 'console_agent'
#: Its name there. No host is called so, and so no host has its queue.
AGENT_SERVER = ':agent'
#: Conductors share this one.
CONDUCTOR_TOPIC = 'console_conductor'

#: Errors of other modules arrive as oslo_messaging.RemoteError.
_ALLOWED_ERRORS = ['console_api.exception']

#: Drivers of notifications that go nowhere else.
_WITHOUT_BUS = frozenset({'log', 'test'})

_RABBIT = 'oslo_messaging_rabbit'
#: oslo.messaging's own waits grow to half a minute; a bus that is back is to
#: be used within seconds.
_RABBIT_DEFAULTS = {
    'kombu_reconnect_delay': 0.5,
    'rabbit_retry_backoff': 1,
    'rabbit_interval_max': 3,
    'heartbeat_timeout_threshold': 15,
}


class ContextSerializer(oslo_messaging.NoOpSerializer):  # type: ignore[misc]
    """Carries who asked, for logs and audits; never a credential."""

    def serialize_context(
        self, ctxt: console_context.RequestContext
    ) -> dict[str, Any]:
        """The fields of the context that may leave this process."""
        return ctxt.for_rpc()

    def deserialize_context(
        self, ctxt: Mapping[str, Any]
    ) -> console_context.RequestContext:
        """The caller's context as the other side knows it."""
        return console_context.RequestContext.from_rpc(ctxt)


def get_transport(conf: cfg.ConfigOpts) -> oslo_messaging.Transport:
    """The transport of ``transport_url``; close it with ``cleanup()``."""
    transport = oslo_messaging.get_rpc_transport(
        conf, allowed_remote_exmods=_ALLOWED_ERRORS
    )
    if _RABBIT in conf:
        for name, value in _RABBIT_DEFAULTS.items():
            conf.set_default(name, value, group=_RABBIT)
    return transport


def is_local(conf: cfg.ConfigOpts) -> bool:
    """Whether the bus is the one inside the process."""
    return str(conf.transport_url).startswith('fake:')


def agent_topic(host: str) -> str:
    """The topic of the agent of a host.

    On RabbitMQ this is the routing key and the queue that the host would have
    on a topic of all agents, so that releases with the one and with the other
    reach each other; but no agent opens a queue that others have, too.

    :raises ValueError: it could be a queue of another host
    """
    if not hostnames.is_valid(host):
        raise ValueError(f'{host!r:.80} is no name of a host')
    return f'{AGENT_TOPIC}.{host}'


def discard(conf: cfg.ConfigOpts, transport: oslo_messaging.Transport) -> None:
    """Close a transport that was not used, while others are.

    The bus inside the process is one for all transports: a cleanup would drop
    the calls that are under way.
    """
    if not is_local(conf):
        transport.cleanup()


def get_notifier(
    conf: cfg.ConfigOpts, publisher: str, topics: Sequence[str]
) -> oslo_messaging.Notifier | None:
    """Sends notifications; None where no driver or no bus is configured.

    Close its ``transport`` with ``cleanup()``.
    """
    transport = oslo_messaging.get_notification_transport(conf)
    group = conf.oslo_messaging_notifications
    drivers = [name for name in group.driver if name != 'noop']
    # oslo.messaging would take a RabbitMQ on this host for the bus.
    has_bus = bool(group.transport_url or conf.transport_url != 'rabbit://')
    if not drivers or not (has_bus or set(drivers) <= _WITHOUT_BUS):
        discard(conf, transport)
        return None
    return oslo_messaging.Notifier(transport, publisher, topics=[*topics])


def get_client(
    transport: oslo_messaging.Transport,
    topic: str,
    version: str,
    cap: str | None = None,
) -> oslo_messaging.RPCClient:
    """A client of the servers on a topic.

    It asks for ``version`` unless a call names another, never for one above
    ``cap``.
    """
    return oslo_messaging.get_rpc_client(
        transport,
        oslo_messaging.Target(
            # The default of a transport is the process's, not ours.
            exchange=transport.conf.rpc_exchange,
            topic=topic,
            version=version,
        ),
        version_cap=cap,
        # Otherwise a call waits for the bus for as long as it is away.
        retry=0,
        serializer=ContextSerializer(),
        # Nobody answers what is sent where no queue is: RabbitMQ shall say so.
        transport_options=oslo_messaging.TransportOptions(at_least_once=True),
    )


def get_server(
    transport: oslo_messaging.Transport,
    topic: str,
    name: str,
    endpoints: Sequence[object],
) -> oslo_messaging.MessageHandlingServer:
    """A server in threads for a topic; ``start()`` it, then ``stop()``."""
    return oslo_messaging.get_rpc_server(
        transport,
        oslo_messaging.Target(
            exchange=transport.conf.rpc_exchange, topic=topic, server=name
        ),
        list(endpoints),
        serializer=ContextSerializer(),
        access_policy=oslo_messaging.DefaultRPCAccessPolicy,
    )
