# SPDX-License-Identifier: Apache-2.0
"""The client of the conductors.

History:

* 1.0: report_servers, authorize_token
* 1.1: report_changes; the answer of authorize_token has a secret
* 1.2: report_agent
* 1.3: enter_session
* 1.4: get_holder, claim_host, refuse_agent; report_agent has ``held``
* 1.5: ``key`` in all that an agent says of its host
* 1.6: report_servers and report_changes answer which servers were not taken
* 1.7: ``word`` in report_agent and claim_host
"""

from collections.abc import Callable
from collections.abc import Collection
from collections.abc import Sequence
import dataclasses
from typing import Any

from oslo_config import cfg
import oslo_messaging

from console_api import busclient
from console_api import calls
from console_api import context as console_context
from console_api import rpc
from console_api import silence
from console_api.consoles import tokens
from console_api.consoles import types
from console_api.virt import driver as virt_driver

VERSION = '1.7'

#: A report is a few statements on the database, behind those of others.
_REPORT_TIMEOUT = 60
#: A conductor at work on a report says so every half of this, in seconds.
_SILENCE = 6
#: An agent that starts does not wait for long: it works without a conductor.
_CLAIM_TIMEOUT = 5
#: One that is well answers at once.
_CHECK_TIMEOUT = 2


@dataclasses.dataclass(frozen=True)
class AgentFacts:
    """What an agent says of itself.

    ``instance`` is a UUID that the process made when it started, ``process``
    says the same to people, ``addresses`` are those at which consoles of its
    host listen.
    """

    instance: str
    release: str
    rpc_version: str
    addresses: tuple[str, ...]
    servers: int
    process: str


class ConductorAPI:
    """Calls whichever conductor is free.

    An agent has the ``key`` of its host. Without it, or without having been
    let in, conductors refuse what is said of the host (HostNotEnrolled).
    Conductors that are held to a version before 1.5 are not told it.
    """

    def __init__(
        self,
        conf: cfg.ConfigOpts,
        transport: oslo_messaging.Transport,
        key: types.Secret | None = None,
    ) -> None:
        self._key = key
        self._client = busclient.Client(
            transport,
            rpc.CONDUCTOR_TOPIC,
            VERSION,
            conf.upgrade_levels.conductor,
        )
        self._calls = calls.Calls(self._client.watch)
        self._silence = silence.SilenceLog(transport)
        self._patience = calls.Patience(_SILENCE, _REPORT_TIMEOUT)
        #: Versions that a conductor does not know.
        self._refused = calls.Refusals()
        self._timeout = conf.proxy.authority_timeout

    def report_servers(
        self,
        context: console_context.RequestContext,
        host: str,
        guests: Sequence[virt_driver.Guest],
    ) -> frozenset[str]:
        """All servers of a host; the ones not named are gone (since 1.0).

        The ids of those that were not taken, since another host has them;
        conductors before 1.6 name none.

        :raises HostNotEnrolled: the host has no agent
        :raises HostKeyRefused: the host is known by another key
        :raises MessagingException: no conductor answered within 60 s, or the
            one at work fell silent
        """
        servers = [_serialize(guest) for guest in guests]
        return _kept(
            self._report(
                context, '1.0', 'report_servers', host=host, servers=servers
            )
        )

    def report_agent(
        self,
        context: console_context.RequestContext,
        host: str,
        agent: AgentFacts,
        held: bool = False,
        word: types.Secret | None = None,
    ) -> None:
        """The agent of this host is alive (since 1.2).

        It takes the host over, unless it has it already: ``held``, since 1.4.
        A conductor before that lets it take the host over again. ``word``,
        since 1.7, lets in the agent of a host that the operator has enrolled.

        :raises HostTaken: another agent has taken over the host that it held
        :raises HostNotEnrolled: the host has no agent, and the word is no
            good
        :raises HostKeyRefused: the host is known by another key
        :raises MessagingException: no conductor answered within 60 s, or the
            one at work fell silent
        """
        arguments: dict[str, Any] = {
            'host': host,
            'agent': dataclasses.asdict(agent),
        }
        if held and self._can_send('1.4'):
            try:
                self._introduce(
                    context, '1.4', {'held': True, **arguments}, word
                )
                return
            except oslo_messaging.MessagingException as exc:
                if not calls.is_refusal(exc):
                    raise
                self._refused.add('1.4')
        self._introduce(context, '1.2', arguments, word)

    def _introduce(
        self,
        context: console_context.RequestContext,
        version: str,
        arguments: dict[str, Any],
        word: types.Secret | None,
    ) -> None:
        self._keyed(
            version,
            lambda known, secrets: self._watch(
                context, known, 'report_agent', **arguments, **secrets
            ),
            word,
        )

    def _can_send(self, version: str) -> bool:
        return version not in self._refused and bool(
            self._client.can_send_version(version)
        )

    def check(
        self, context: console_context.RequestContext, host: str
    ) -> None:
        """Return if a conductor on this host answers (since 1.4).

        :raises MessagingException: none did within 2 s
        :raises DatabaseUnavailable: it has no database
        """
        client = self._client.prepare(
            server=host, timeout=_CHECK_TIMEOUT, version='1.4'
        )
        self._calls.run(
            lambda: client.call(context, 'get_holder', host=host),
            _CHECK_TIMEOUT,
        )

    def get_holder(
        self, context: console_context.RequestContext, host: str
    ) -> str | None:
        """The instance of the agent that has the host (since 1.4).

        :raises MessagingException: no conductor answered within 5 s
        """
        answer = self._start(context, '1.4', 'get_holder', host=host)
        return None if answer is None else str(answer)

    def claim_host(
        self,
        context: console_context.RequestContext,
        host: str,
        agent: AgentFacts,
        holder: str | None,
        word: types.Secret | None = None,
    ) -> None:
        """Take a host from the instance that has it, if any (since 1.4).

        ``word`` is that of :meth:`report_agent`.

        :raises HostTaken: another agent has it; the second argument names it
        :raises HostNotEnrolled: the host has no agent, and the word is no
            good
        :raises HostKeyRefused: the host is known by another key
        :raises MessagingException: no conductor answered within 5 s
        """
        facts = dataclasses.asdict(agent)
        self._keyed(
            '1.4',
            lambda version, key: self._start(
                context,
                version,
                'claim_host',
                host=host,
                agent=facts,
                holder=holder,
                **key,
            ),
            word,
        )

    def refuse_agent(
        self, context: console_context.RequestContext, host: str, process: str
    ) -> None:
        """This process ends, since the host has an agent (since 1.4).

        :raises HostNotEnrolled: it has none
        :raises HostKeyRefused: the host is known by another key
        :raises MessagingException: no conductor answered within 5 s
        """
        self._keyed(
            '1.4',
            lambda version, key: self._start(
                context,
                version,
                'refuse_agent',
                host=host,
                process=process,
                **key,
            ),
        )

    def _start(
        self,
        context: console_context.RequestContext,
        version: str,
        method: str,
        **arguments: Any,
    ) -> Any:
        client = self._client.prepare(timeout=_CLAIM_TIMEOUT, version=version)
        answer = self._calls.run(
            lambda: client.call(context, method, **arguments), _CLAIM_TIMEOUT
        )
        self._patience.answered(method, version)
        return answer

    def report_changes(
        self,
        context: console_context.RequestContext,
        host: str,
        guests: Sequence[virt_driver.Guest],
        gone: Collection[str],
        ended: Collection[str],
    ) -> frozenset[str]:
        """Some servers of a host; the others are as they were (since 1.1).

        ``gone`` are the ids of servers that left the host, ``ended`` those
        whose tokens are void, since a run of theirs is over. The answer is
        that of :meth:`report_servers`.

        :raises HostNotEnrolled: the host has no agent
        :raises HostKeyRefused: the host is known by another key
        :raises MessagingException: no conductor answered within 60 s, or the
            one at work fell silent
        """
        answer = self._report(
            context,
            '1.1',
            'report_changes',
            host=host,
            servers=[_serialize(guest) for guest in guests],
            gone=sorted(gone),
            ended=sorted(ended),
        )
        return _kept(answer)

    def _report(
        self,
        context: console_context.RequestContext,
        version: str,
        method: str,
        **arguments: Any,
    ) -> Any:
        return self._keyed(
            version,
            lambda known, key: self._watch(
                context, known, method, **arguments, **key
            ),
        )

    def _watch(
        self,
        context: console_context.RequestContext,
        version: str,
        method: str,
        **arguments: Any,
    ) -> Any:
        client = self._client.prepare(
            timeout=_REPORT_TIMEOUT,
            call_monitor_timeout=self._patience.seconds(method, version),
            version=version,
        )
        try:
            answer = self._calls.run(
                lambda: client.call(context, method, **arguments),
                _REPORT_TIMEOUT,
            )
        except oslo_messaging.MessagingException as exc:
            self._patience.failed(method, exc)
            raise
        self._patience.answered(method, version)
        return answer

    def _keyed(
        self,
        version: str,
        send: Callable[[str, dict[str, str]], Any],
        word: types.Secret | None = None,
    ) -> Any:
        """What ``send`` returns, which is given a version and the secrets.

        A conductor that knows no words, or no keys, is asked without, at last
        by this version.
        """
        offers: list[tuple[str, dict[str, str]]] = []
        if self._key is not None:
            key = {'key': self._key.reveal()}
            if word is not None:
                offers.append(('1.7', {**key, 'word': word.reveal()}))
            offers.append(('1.5', key))
        for newest, told in offers:
            if not self._can_send(newest):
                continue
            try:
                return send(newest, told)
            except oslo_messaging.MessagingException as exc:
                if not calls.is_refusal(exc):
                    raise
                self._refused.add(newest)
        return send(version, {})

    def enter_session(
        self,
        context: console_context.RequestContext,
        token_hash: str,
        key: tokens.SessionKey | None = None,
    ) -> types.ConsoleGrant:
        """What the token with this SHA-256 is good for (since 1.3).

        For a session that begins: the grant has the hypervisor's password,
        and ``key`` is what its client is known by when it comes back.
        Conductors that are held to an older version are asked for
        authorize_token (since 1.0), which finds no view-only tokens.

        The call ends after ``[proxy] authority_timeout``.

        :raises TokenNotFound: unknown, expired, revoked or not confirmed
        :raises HostUnavailable: the agent did not answer
        :raises MessagingException: no conductor answered
        """
        method, version = 'enter_session', '1.3'
        asked: dict[str, Any] = {'token_hash': token_hash}
        if not self._client.can_send_version(version):
            method, version = 'authorize_token', '1.0'
        elif key is not None:
            asked |= dataclasses.asdict(key)
        client = self._client.prepare(timeout=self._timeout, version=version)
        try:
            answer = self._calls.run(
                lambda: client.call(context, method, **asked),
                self._timeout,
            )
        except oslo_messaging.MessagingTimeout as exc:
            self._silence.warn('the conductors', rpc.CONDUCTOR_TOPIC, exc)
            raise
        connect = types.ConnectInfo(**answer.pop('connect'))
        secret = answer.pop('secret', None)
        return types.ConsoleGrant(
            connect=connect,
            secret=None if secret is None else types.Secret(secret),
            **answer,
        )


def _kept(answer: Any) -> frozenset[str]:
    return frozenset(answer or ())


def _serialize(guest: virt_driver.Guest) -> dict[str, Any]:
    values = dataclasses.asdict(guest)
    if guest.created_at is not None:
        values['created_at'] = guest.created_at.isoformat()
    return values
