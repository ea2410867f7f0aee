# SPDX-License-Identifier: Apache-2.0
"""The agent put together: driver, RPC server and inventory."""

from oslo_config import cfg

from console_api import context as console_context
from console_api import exception
from console_api import rpc
from console_api.agent import endpoint
from console_api.agent import inventory
from console_api.agent import rpcapi
from console_api.conductor import rpcapi as conductor_rpcapi
from console_api.virt import driver as virt_driver


class Agent:
    """Everything that runs on one hypervisor host.

    The driver is the one that ``[agent] driver`` names, if none is given.

    :raises ConfigurationError: the driver cannot be loaded or cannot work
    """

    def __init__(
        self,
        conf: cfg.ConfigOpts,
        driver: virt_driver.ConsoleDriver | None = None,
    ) -> None:
        self._conf = conf
        self.driver = driver or virt_driver.load(conf, conf.agent.driver)
        self._transport = rpc.get_transport(conf)
        self._server = rpc.get_server(
            self._transport,
            rpc.AGENT_TOPIC,
            conf.host,
            [endpoint.AgentEndpoint(conf, self.driver)],
        )
        self.reporter = inventory.InventoryReporter(
            conf,
            self.driver,
            conductor_rpcapi.ConductorAPI(conf, self._transport),
        )

        self._started = False

    def check_alone(self) -> None:
        """Make sure that no other agent answers to the name of this host.

        Otherwise each call would reach one of them by chance.

        :raises ConfigurationError: another one does; the message names it
        """
        agents = rpcapi.AgentAPI(self._conf, self._transport)
        context = console_context.service_context()
        other = agents.identify(context, self._conf.host)
        if other is not None:
            raise exception.ConfigurationError(
                f'another agent answers for host {self._conf.host}: {other}. '
                'Stop it, or give one of them another [DEFAULT] host.'
            )

    def start(self) -> None:
        """Answer calls and report the servers of this host."""
        self._started = True
        self._server.start()
        self.reporter.start()

    def stop(self) -> None:
        """Finish the calls that run, then release everything."""
        if self._started:
            self.reporter.stop()
            # Would wait for a start that never comes.
            self._server.stop()
            self._server.wait()
        self.driver.close()
        self._transport.cleanup()
