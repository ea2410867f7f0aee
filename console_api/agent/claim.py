# SPDX-License-Identifier: Apache-2.0
"""One agent for each host: who starts beside another one ends again."""

from oslo_config import cfg
from oslo_log import log as logging
import oslo_messaging

from console_api import calls
from console_api import context as console_context
from console_api import exception
from console_api.agent import enrolment
from console_api.agent import facts
from console_api.agent import rpcapi
from console_api.conductor import rpcapi as conductor_rpcapi

LOG = logging.getLogger(__name__)


class HostClaim:
    """Takes the name of this host, in three steps.

    First :meth:`check`: who has the name, and does anybody answer to it?
    Then the agent begins to answer. Then :meth:`take`: the name goes from
    whom it had been to this agent, unless another one was quicker. So of
    two agents that start at once one gets the name, and whoever comes later
    is answered by it.
    """

    def __init__(
        self,
        conf: cfg.ConfigOpts,
        agents: rpcapi.AgentAPI,
        conductor: conductor_rpcapi.ConductorAPI,
        instance: str,
    ) -> None:
        self._host = conf.host
        self._word_file: str = conf.agent.enrolment_word_file
        self._agents = agents
        self._conductor = conductor
        self._facts = facts.collect(conf, instance, 0)
        self._context = console_context.service_context()
        self._checked = False
        self._holder: str | None = None

    def check(self) -> None:
        """Make sure that no other agent answers to the name of this host.

        Otherwise each call would reach one of them by chance.

        :raises ConfigurationError: another one does; the message names both
        """
        try:
            self._holder = self._conductor.get_holder(
                self._context, self._host
            )
            self._checked = True
        except (
            oslo_messaging.MessagingException,
            exception.DomainError,
        ) as exc:
            # Its first report takes the name then.
            LOG.warning(
                'No conductor says whose host %s is: %s',
                self._host,
                calls.reason(exc),
            )
        other = self._agents.identify(self._context, self._host)
        if other is None:
            return
        if self._checked:
            self._report_refusal()
        raise self._refusal(other)

    @property
    def known(self) -> bool:
        """Whether the host had an agent before."""
        return self._holder is not None

    def take(self) -> bool:
        """Take the name; whether this agent has it now.

        Where no conductor answers, or the host is not enrolled or known by
        another key, a report takes the name when that has changed.

        :raises ConfigurationError: another agent was quicker
        """
        if not self._checked:
            return False
        try:
            self._conductor.claim_host(
                self._context,
                self._host,
                self._facts,
                self._holder,
                enrolment.word(self._word_file),
            )
        except exception.HostTaken as exc:
            raise self._refusal(exc.args[1]) from exc
        except exception.HostRefused:
            # Its first report, at once, tells what to do.
            return False
        except (oslo_messaging.MessagingException, exception.DomainError):
            LOG.warning('No conductor knows yet whose host %s is', self._host)
            return False
        return True

    def _report_refusal(self) -> None:
        try:
            self._conductor.refuse_agent(
                self._context, self._host, self._facts.process
            )
        except (oslo_messaging.MessagingException, exception.DomainError):
            LOG.warning('No conductor was told that this agent ends')

    def _refusal(self, other: str) -> exception.ConfigurationError:
        return exception.ConfigurationError(
            f'another agent answers for host {self._host}: {other}. This is '
            f'{self._facts.process}. Stop one of them, or give it another '
            '[DEFAULT] host.'
        )
