# SPDX-License-Identifier: Apache-2.0
"""The agent put together: driver, RPC server and inventory."""

from collections.abc import Callable

from oslo_config import cfg
from oslo_log import log as logging
import prometheus_client

from console_api import exception
from console_api import hostnames
from console_api import rpc
from console_api import telemetry
from console_api.agent import callers
from console_api.agent import claim
from console_api.agent import endpoint
from console_api.agent import facts
from console_api.agent import hostkey
from console_api.agent import inventory
from console_api.agent import reportlog
from console_api.agent import rpcapi
from console_api.conductor import rpcapi as conductor_rpcapi
from console_api.consoles import types
from console_api.virt import driver as virt_driver

LOG = logging.getLogger(__name__)

_PREFIX = 'console_agent'
#: A server that is nowhere: to look for it takes one call of the hypervisor.
_NOBODY = frozenset({'00000000-0000-0000-0000-000000000000'})


class Agent:
    """Everything that runs on one hypervisor host.

    The driver is the one that ``[agent] driver`` names, if none is given.
    ``lost`` is called, with the reason, when another agent has taken over.

    :raises ConfigurationError: the driver cannot be loaded or cannot work,
        ``[agent] key_file`` is no good, or no host is called ``[DEFAULT]
        host``
    """

    def __init__(
        self,
        conf: cfg.ConfigOpts,
        driver: virt_driver.ConsoleDriver | None = None,
        lost: Callable[[str], None] | None = None,
    ) -> None:
        _check_host(conf.host)
        self.telemetry = telemetry.Telemetry(_PREFIX)
        self._conf = conf
        key = hostkey.load(conf.agent.key_file)
        self.driver = driver or virt_driver.load(conf, conf.agent.driver)
        self._transport = rpc.get_transport(conf)
        self._server = rpc.get_server(
            self._transport,
            rpc.agent_topic(conf.host),
            rpc.AGENT_SERVER,
            [self.telemetry.counted(self._endpoint(conf, key))],
        )
        conductor = conductor_rpcapi.ConductorAPI(conf, self._transport, key)
        self.reporter = inventory.InventoryReporter(
            conf,
            self.driver,
            conductor,
            lost,
            reportlog.ReportLog(
                self.telemetry, float(conf.agent.inventory_interval)
            ),
        )
        self._hypervisor = self._question()
        self._claim = claim.HostClaim(
            conf,
            rpcapi.AgentAPI(conf, self._transport),
            conductor,
            self.reporter.instance,
        )
        self._started = False

    def _endpoint(self, conf: cfg.ConfigOpts, key: types.Secret) -> object:
        return callers.Guarded(endpoint.AgentEndpoint(conf, self.driver), key)

    def _question(self) -> telemetry.Question:
        """Whether the hypervisor answers, for those who ask and metrics."""
        question = telemetry.Question(
            'The hypervisor', lambda: self.driver.guests(_NOBODY)
        )
        up = prometheus_client.Gauge(
            f'{_PREFIX}_hypervisor_up',
            'Whether the hypervisor answers.',
            registry=self.telemetry.registry,
        )
        up.set_function(lambda: float(question.is_good()))
        return question

    def troubles(self) -> list[str]:
        """Why it should be started again; none while it lives."""
        if self.reporter.log.pulse.has_stopped:
            return ['the loop of the reports stands still']
        return []

    def hindrances(self) -> list[str]:
        """Why its consoles cannot be had; none while they can."""
        reasons = self.reporter.log.hindrances()
        if not self._hypervisor.is_good():
            reasons.append('the hypervisor does not answer')
        return reasons

    def check_alone(self) -> None:
        """Make sure that this is the only agent of its host, before a start.

        :raises ConfigurationError: it is not; the message names both
        """
        self._claim.check()

    def start(self) -> None:
        """Answer calls and report the servers of this host.

        :raises ConfigurationError: another agent, started at the same time,
            was quicker; the message names both
        """
        if not facts.addresses(self._conf):
            LOG.warning(
                'No console of this host is at an address of its own, so that '
                'the controllers refuse them: set [vnc] '
                'server_proxyclient_address and its likes, or let [console] '
                'allowed_targets there have what they are'
            )
        self._started = True
        self._server.start()
        held = self._claim.take()
        self.reporter.start(held, known=held and self._claim.known)

    def stop(self) -> None:
        """Finish the calls that run, then release everything."""
        if self._started:
            self.reporter.stop()
            # Would wait for a start that never comes.
            self._server.stop()
            self._server.wait()
        self.driver.close()
        self._transport.cleanup()


def _check_host(host: str) -> None:
    """Return if that is a name of a host.

    :raises ConfigurationError: it is none
    """
    if not hostnames.is_valid(host):
        raise exception.ConfigurationError(
            f'[DEFAULT] host = {host!r:.80} is no name of a host: a name has '
            f'{hostnames.RULE}.'
        )
