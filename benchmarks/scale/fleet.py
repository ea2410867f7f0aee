# SPDX-License-Identifier: Apache-2.0
"""Many agents in one process, over a real bus: they claim hosts and report.

``python -m benchmarks.scale.fleet BUS AGENTS SERVERS INTERVAL`` starts all of
them at once when a line comes in, and prints ``claimed SECONDS`` when each
has its host or has given that up, ``reported SECONDS FAILED`` when each has
reported its servers, and how many reports failed before. It ends with standard
input. The agents are real but for their hypervisor, and nobody can call them.
"""

from collections.abc import Collection
from collections.abc import Sequence
import logging
import sys
import threading
import time
from typing import Any
import uuid

from oslo_config import cfg
import oslo_messaging

from console_api import context as console_context
from console_api import rpc
from console_api import service
from console_api.agent import claim
from console_api.agent import inventory
from console_api.agent import rpcapi
from console_api.conductor import rpcapi as conductor_rpcapi
from console_api.consoles import types
from console_api.virt import driver as virt_driver

#: Seconds; enough for a report that is lost and sent again.
PATIENCE = 600.0
#: Of a thread: a thousand of them shall not take the memory of a machine.
_STACK = 512 * 1024
#: Of each host; those that start again are known by it.
_KEY = 'key-of-the-benchmark'.ljust(43, '-')


class Tally(conductor_rpcapi.ConductorAPI):
    """The conductors, and a count of the reports that they have taken."""

    def __init__(
        self, conf: cfg.ConfigOpts, transport: oslo_messaging.Transport
    ) -> None:
        super().__init__(conf, transport, types.Secret(_KEY))
        self._lock = threading.Lock()
        self._hosts: set[str] = set()
        #: Reports that have to be sent again.
        self.failed = 0

    def report_servers(
        self,
        context: console_context.RequestContext,
        host: str,
        guests: Sequence[virt_driver.Guest],
    ) -> frozenset[str]:
        """Report, and count it."""
        try:
            strangers = super().report_servers(context, host, guests)
        except Exception:
            with self._lock:
                self.failed += 1
            raise
        with self._lock:
            self._hosts.add(host)
        return strangers

    def has_all(self, count: int) -> bool:
        """Whether so many hosts have reported."""
        with self._lock:
            return len(self._hosts) >= count


class _Named:
    """The configuration of one of the agents: all but its host is shared."""

    def __init__(self, conf: cfg.ConfigOpts, host: str) -> None:
        self._conf = conf
        self.host = host

    def __getattr__(self, name: str) -> Any:
        return getattr(self._conf, name)


class _Hypervisor:
    """Guests that never change."""

    def __init__(self, number: int, servers: int) -> None:
        first = (number + 1) << 32
        self._guests = [
            virt_driver.Guest(
                id=str(uuid.UUID(int=first + n)),
                name=f'server-{number}-{n}',
                project_id=f'project-{n % 20}',
                user_id='user',
                consoles=('novnc', 'serial'),
            )
            for n in range(servers)
        ]

    def guests(
        self, only: Collection[str] | None = None
    ) -> Sequence[virt_driver.Guest]:
        return [g for g in self._guests if only is None or g.id in only]

    def watch(self, watcher: virt_driver.Watcher) -> None:
        pass


class _Agent:
    """What of an agent has to do with a conductor."""

    def __init__(
        self,
        conf: cfg.ConfigOpts,
        number: int,
        servers: int,
        agents: rpcapi.AgentAPI,
        conductor: Tally,
    ) -> None:
        named: Any = _Named(conf, f'fleet-{number}')
        driver: Any = _Hypervisor(number, servers)
        self._reporter = inventory.InventoryReporter(named, driver, conductor)
        self._claim = claim.HostClaim(
            named, agents, conductor, self._reporter.instance
        )

    def start(self) -> None:
        """As an agent starts."""
        self._claim.check()
        held = self._claim.take()
        self._reporter.start(held, known=held and self._claim.known)

    def stop(self) -> None:
        """Send no more reports."""
        self._reporter.stop()


def main() -> None:
    """Start the agents when asked, and end with standard input."""
    bus, *numbers = sys.argv[1:]
    agents, servers, interval = map(int, numbers)
    # What fails is counted, and the log of a thousand agents helps nobody.
    logging.getLogger().addHandler(logging.NullHandler())
    conf = cfg.CONF
    service.prepare(conf, [], files=False)
    # Registers its options.
    oslo_messaging.get_rpc_transport(conf, url=bus).cleanup()
    conf.set_override('transport_url', bus)
    conf.set_override('inventory_interval', interval, group='agent')
    threading.stack_size(_STACK)
    transport = rpc.get_transport(conf)
    conductor = Tally(conf, transport)
    calls = rpcapi.AgentAPI(conf, transport)
    fleet = [
        _Agent(conf, number, servers, calls, conductor)
        for number in range(agents)
    ]
    print('ready', flush=True)
    sys.stdin.readline()
    began = time.monotonic()
    starting = [threading.Thread(target=agent.start) for agent in fleet]
    for thread in starting:
        thread.start()
    for thread in starting:
        thread.join()
    print('claimed', round(time.monotonic() - began, 1), flush=True)
    while not conductor.has_all(agents):
        if time.monotonic() - began > PATIENCE:
            sys.exit(f'not all of {agents} agents came through')
        time.sleep(0.1)
    took = round(time.monotonic() - began, 1)
    print('reported', took, conductor.failed, flush=True)
    sys.stdin.read()
    for agent in fleet:
        agent.stop()
    transport.cleanup()


if __name__ == '__main__':
    main()
