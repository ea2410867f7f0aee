# SPDX-License-Identifier: Apache-2.0
"""The conductor: keeps the registry, says what tokens are good for."""

from collections.abc import Callable
from collections.abc import Mapping
from collections.abc import Sequence
import dataclasses
import functools
import re
from typing import Any
import uuid

import oslo_messaging

from console_api import context as console_context
from console_api import exception
from console_api import hostnames
from console_api.conductor import refusals
from console_api.conductor import rpcapi
from console_api.consoles import broker as console_broker
from console_api.consoles import tokens
from console_api.consoles import types
from console_api.servers import agents as agent_reports
from console_api.servers import enrolment
from console_api.servers import hostkeys
from console_api.servers import reports

_DIGEST = re.compile(r'[0-9a-f]{64}')


def _of_host(call: Callable[..., Any]) -> Callable[..., Any]:
    """Answers what is said of a host, and tells of those not let in."""

    @oslo_messaging.expected_exceptions(exception.DomainError)
    @functools.wraps(call)
    def answer(
        endpoint: 'ConductorEndpoint',
        ctxt: console_context.RequestContext,
        host: str,
        *arguments: Any,
        **named: Any,
    ) -> Any:
        # Without a host are those that were never scheduled: no agent's.
        if not hostnames.is_valid(host):
            raise exception.BadRequest(
                f'A report names no host: a name has {hostnames.RULE}.'
            )
        try:
            return call(endpoint, ctxt, host, *arguments, **named)
        except exception.HostRefused as exc:
            endpoint.refused.tell(str(exc))
            raise

    return answer  # type: ignore[no-any-return]


class ConductorEndpoint:
    """Answers agents and proxies; called in threads."""

    target = oslo_messaging.Target(version=rpcapi.VERSION)

    def __init__(
        self,
        broker: console_broker.ConsoleBroker,
        recorder: reports.ReportRecorder,
        agents: agent_reports.AgentRecorder,
    ) -> None:
        self._broker = broker
        self._recorder = recorder
        self._agents = agents
        self.refused = refusals.RefusalLog()

    @_of_host
    def report_servers(
        self,
        ctxt: console_context.RequestContext,  # noqa: ARG002 - RPC signature
        host: str,
        servers: Sequence[Mapping[str, Any]],
        key: str | None = None,
    ) -> list[str]:
        """Make the registry say of this host what its agent says."""
        return self._recorder.record(
            host, _servers(servers), hostkeys.digest(host, key)
        )

    @_of_host
    def report_agent(
        self,
        ctxt: console_context.RequestContext,  # noqa: ARG002 - RPC signature
        host: str,
        agent: Mapping[str, Any],
        held: bool = False,
        key: str | None = None,
        word: str | None = None,
    ) -> None:
        """Remember the agent of this host (ConductorAPI.report_agent)."""
        self._agents.record(
            host,
            agent_reports.parse(agent, hostkeys.digest(host, key)),
            bool(held),
            enrolment.digest(word),
        )

    @_of_host
    def get_holder(
        self,
        ctxt: console_context.RequestContext,  # noqa: ARG002 - RPC signature
        host: str,
    ) -> str | None:
        """Which agent has this host (ConductorAPI.get_holder)."""
        return self._agents.holder(host)

    @_of_host
    def claim_host(
        self,
        ctxt: console_context.RequestContext,  # noqa: ARG002 - RPC signature
        host: str,
        agent: Mapping[str, Any],
        holder: str | None,
        key: str | None = None,
        word: str | None = None,
    ) -> None:
        """Let the agent have this host (ConductorAPI.claim_host)."""
        if holder is not None and not isinstance(holder, str):
            raise exception.BadRequest('A claim names no agent.')
        self._agents.claim(
            host,
            agent_reports.parse(agent, hostkeys.digest(host, key)),
            holder,
            enrolment.digest(word),
        )

    @_of_host
    def refuse_agent(
        self,
        ctxt: console_context.RequestContext,  # noqa: ARG002 - RPC signature
        host: str,
        process: str,
        key: str | None = None,
    ) -> None:
        """Remember who was not let in (ConductorAPI.refuse_agent)."""
        self._agents.refuse(host, process, hostkeys.digest(host, key))

    @_of_host
    def report_changes(
        self,
        ctxt: console_context.RequestContext,  # noqa: ARG002 - RPC signature
        host: str,
        servers: Sequence[Mapping[str, Any]],
        gone: Sequence[str],
        ended: Sequence[str],
        key: str | None = None,
    ) -> list[str]:
        """Bring some servers up to date (ConductorAPI.report_changes)."""
        return self._recorder.record_changes(
            host,
            _servers(servers),
            _ids(gone),
            _ids(ended),
            hostkeys.digest(host, key),
        )

    @oslo_messaging.expected_exceptions(exception.DomainError)
    def authorize_token(
        self, ctxt: console_context.RequestContext, token_hash: str
    ) -> dict[str, Any]:
        """What the token is good for, to proxies of older releases.

        They know no view-only sessions and take no other field.
        """
        answer = _serialize(self._broker.grant(ctxt, token_hash, session=True))
        del answer['view_only'], answer['rejoin_until']
        return answer

    @oslo_messaging.expected_exceptions(exception.DomainError)
    def enter_session(
        self,
        ctxt: console_context.RequestContext,
        token_hash: str,
        offered: str | None = None,
        shown: str | None = None,
    ) -> dict[str, Any]:
        """What the token is good for (ConductorAPI.enter_session)."""
        key = None
        if offered is not None:
            key = tokens.SessionKey(_digest(offered), shown)
        return _serialize(
            self._broker.grant(
                ctxt, token_hash, session=True, views=True, key=key
            )
        )


def _digest(value: object) -> str:
    if not isinstance(value, str) or not _DIGEST.fullmatch(value):
        raise exception.BadRequest('A session offers no hash.')
    return value


def _serialize(grant: types.ConsoleGrant) -> dict[str, Any]:
    secret = None if grant.secret is None else grant.secret.reveal()
    # Without the object itself, which no message could carry.
    public = dataclasses.asdict(dataclasses.replace(grant, secret=None))
    return {**public, 'secret': secret}


def _servers(values: object) -> list[reports.ReportedServer]:
    if not isinstance(values, list | tuple):
        raise exception.BadRequest('A report names no servers.')
    if len(values) > reports.MOST_SERVERS:
        raise exception.BadRequest('A report names too many servers.')
    return [reports.parse(one) for one in values]


def _ids(values: object) -> list[str]:
    if not isinstance(values, list | tuple):
        raise exception.BadRequest('A report names no servers.')
    if len(values) > reports.MOST_SERVERS:
        raise exception.BadRequest('A report names too many servers.')
    try:
        return [str(uuid.UUID(value)) for value in values]
    except (AttributeError, TypeError, ValueError) as exc:
        raise exception.BadRequest('A report names no server.') from exc
