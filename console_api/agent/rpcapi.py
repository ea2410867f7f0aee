# SPDX-License-Identifier: Apache-2.0
"""The client of the agents.

History:

* 1.0: get_console, confirm_console, get_console_output
* 1.1: enter_console
* 1.2: identify
"""

from collections.abc import Callable
from collections.abc import Iterator
from collections.abc import Mapping
import contextlib
import dataclasses
import hashlib
import hmac
import re
from typing import Any

from oslo_config import cfg
from oslo_log import log as logging
import oslo_messaging

from console_api import batches
from console_api import bulkhead
from console_api import busclient
from console_api import calls
from console_api import context as console_context
from console_api import exception
from console_api import hostnames
from console_api import rpc
from console_api import silence
from console_api.consoles import tokens
from console_api.consoles import types

LOG = logging.getLogger(__name__)

VERSION = '1.2'

_PURPOSE = b'a call of the agent'

#: The message did not arrive, or no answer came back in time.
_SILENT = (
    oslo_messaging.MessagingTimeout,
    oslo_messaging.MessageDeliveryFailure,
    oslo_messaging.MessageUndeliverable,
)

#: The message did not even leave, which says nothing of the agent.
_NOT_SENT = (
    oslo_messaging.MessageDeliveryFailure,
    oslo_messaging.MessageUndeliverable,
)

#: For the threads of an API, a few of which may wait for one host.
LIMITS = bulkhead.Limits(crowd=8)
#: A process that lives answers at once; one that is gone never will.
_IDENTIFY_TIMEOUT = 2
#: What the database keeps of an address and a path, in characters.
_LONGEST = 255
#: A proxy's address and a token; browsers take no longer one.
_LONGEST_URL = 2048
_TOKEN = re.compile(r'[A-Za-z0-9_-]{22,255}')
#: A host name, an IPv4 or an IPv6 address.
_HOST = re.compile(
    r'[A-Za-z0-9][A-Za-z0-9._-]*|[0-9A-Fa-f:.]+(%[A-Za-z0-9._-]+)?'
)
_URL = re.compile(r'(https?|wss?)://[!-~]+')
_PATH = re.compile(r'[!-~]+')


class MalformedAnswer(Exception):
    """An agent answered what no agent answers; callers get a 500."""


@dataclasses.dataclass(frozen=True)
class IssuedConsole:
    """A console as its agent made it: the only place with the token itself."""

    token: tokens.Token
    url: str = dataclasses.field(repr=False)
    connect: types.ConnectInfo


@dataclasses.dataclass(frozen=True)
class Entry:
    """Whether a session may begin, and the password for the hypervisor."""

    confirmed: bool
    secret: types.Secret | None = None


def proof(key_hash: str) -> str:
    """What those show to an agent who know the SHA-256 of its host's key."""
    return hmac.new(
        key_hash.encode('ascii'), _PURPOSE, hashlib.sha256
    ).hexdigest()


def _no_proof(host: str) -> None:
    del host


class AgentAPI:
    """Calls the agent of one host; each call ends after ``rpc_timeout``.

    Two calls of a host are under way at once. Others wait while the agent
    answers, and end at once with HostBusy while it does not. One that was
    silent is left alone for seconds, and then is to say that it is there
    before it is asked for more.

    ``proofs`` has what the agent of a host knows a controller by. Without it
    an agent says which process it is, and nothing else.
    """

    def __init__(
        self,
        conf: cfg.ConfigOpts,
        transport: oslo_messaging.Transport,
        proofs: Callable[[str], str | None] = _no_proof,
        limits: bulkhead.Limits = LIMITS,
    ) -> None:
        self._proofs = proofs
        self._client = busclient.Client(
            transport, rpc.AGENT_TOPIC, VERSION, conf.upgrade_levels.agent
        )
        self._calls = calls.Calls(self._client.watch)
        self._hosts = bulkhead.ThreadBulkheads(
            limits,
            silence=(oslo_messaging.MessagingTimeout,),
            neither=_NOT_SENT,
        )
        self._entries: batches.Batches[Entry] = batches.Batches(
            limits.patience / 2
        )
        self._silence = silence.SilenceLog(transport)
        #: Hosts whose agents know no enter_console.
        self._first_release = calls.Refusals()
        self._timeout = conf.agent.rpc_timeout

    def get_console(
        self,
        context: console_context.RequestContext,
        host: str,
        server_id: str,
        console_type: str,
    ) -> IssuedConsole:
        """A new token and the URL for it (since 1.0).

        :raises DomainError: what ``ConsoleDriver.connect_info`` names, and
            ConsoleTypeUnavailable for a type that is switched off
        :raises HostUnavailable: the agent did not answer, or is busy
        :raises MalformedAnswer: it answered something else
        """
        answer = self._call(
            context,
            host,
            'get_console',
            {'server_id': server_id, 'console_type': console_type},
        )
        return _issued(answer)

    def confirm_console(
        self,
        context: console_context.RequestContext,
        host: str,
        server_id: str,
        console_type: str,
        connect: types.ConnectInfo,
    ) -> bool:
        """Whether the console still listens there (since 1.0).

        :raises HostUnavailable: the agent did not answer, or is busy
        :raises MalformedAnswer: it answered something else
        """
        answer = self._call(
            context,
            host,
            'confirm_console',
            _of_console(server_id, console_type, connect),
        )
        if not isinstance(answer, bool):
            raise MalformedAnswer('confirm_console: neither yes nor no')
        return answer

    def enter_console(
        self,
        context: console_context.RequestContext,
        host: str,
        server_id: str,
        console_type: str,
        connect: types.ConnectInfo,
    ) -> Entry:
        """As confirm_console, with what lets a session in (since 1.1).

        From agents of 1.0, or held to it, there comes no password. Many who
        come to one console at a moment, as after a restart of it, share a
        call that begins after each of them came.

        :raises HostUnavailable: the agent did not answer, or is busy
        :raises MalformedAnswer: it answered something else
        """
        try:
            return self._entries.run(
                (host, server_id, console_type, connect),
                lambda: self._enter(
                    context, host, server_id, console_type, connect
                ),
            )
        except bulkhead.RefusedError as exc:
            raise exception.HostBusy(server_id) from exc

    def _enter(
        self,
        context: console_context.RequestContext,
        host: str,
        server_id: str,
        console_type: str,
        connect: types.ConnectInfo,
    ) -> Entry:
        if (
            self._client.can_send_version('1.1')
            and host not in self._first_release
        ):
            arguments = _of_console(server_id, console_type, connect)
            try:
                return _entry(
                    self._call(
                        context, host, 'enter_console', arguments, '1.1'
                    )
                )
            except oslo_messaging.MessagingException as exc:
                if not calls.is_refusal(exc):
                    raise
                self._first_release.add(host)
        confirmed = self.confirm_console(
            context, host, server_id, console_type, connect
        )
        return Entry(confirmed)

    def get_console_output(
        self,
        context: console_context.RequestContext,
        host: str,
        server_id: str,
        max_bytes: int,
    ) -> str:
        """The last bytes that the guest wrote, as clean text (since 1.0).

        :raises InstanceNotFound: the guest is gone
        :raises ConsoleNotAvailable: nothing is kept of it
        :raises HostUnavailable: the agent did not answer, or is busy
        :raises MalformedAnswer: it answered something else
        """
        answer = self._call(
            context,
            host,
            'get_console_output',
            {'server_id': server_id, 'max_bytes': max_bytes},
        )
        # A byte becomes one character at the most.
        if not isinstance(answer, str) or len(answer) > max_bytes:
            raise MalformedAnswer('get_console_output: no text, or too long')
        return answer

    def identify(
        self, context: console_context.RequestContext, host: str
    ) -> str | None:
        """Which process answers for a host; None: no agent does (since 1.2).

        Waits for two seconds at most.
        """
        client = self._client.prepare(
            topic=rpc.agent_topic(host),
            timeout=_IDENTIFY_TIMEOUT,
            version='1.2',
        )
        try:
            answer = self._calls.run(
                lambda: client.call(context, 'identify'), _IDENTIFY_TIMEOUT
            )
            return str(answer)[:_LONGEST]
        except _SILENT:
            return None
        except (oslo_messaging.RemoteError, oslo_messaging.UnsupportedVersion):
            return 'an agent of an older release'

    def _call(
        self,
        context: console_context.RequestContext,
        host: str,
        method: str,
        arguments: Mapping[str, Any],
        version: str = '1.0',
    ) -> Any:
        server_id = arguments['server_id']
        if not _has_agent(host):
            raise exception.HostUnavailable(server_id)
        client = self._client.prepare(
            topic=rpc.agent_topic(host),
            timeout=self._timeout,
            version=version,
        )
        proven = context.proving(self._proofs(host))
        with self._translated(host, server_id), self._hosts.turn(host) as turn:
            if turn.probing:
                self._check_alive(context, host)
            return self._calls.run(
                lambda: client.call(proven, method, **arguments),
                self._timeout,
            )

    @contextlib.contextmanager
    def _translated(self, host: str, server_id: str) -> Iterator[None]:
        """Have what goes wrong on the way told as that of a host."""
        try:
            yield
        except bulkhead.RefusedError as exc:
            if exc.silent:
                raise exception.HostUnavailable(server_id) from exc
            raise exception.HostBusy(server_id) from exc
        except exception.CallerRefused as exc:
            LOG.error(
                'The agent of %s does not know this process for a controller: '
                'the key of that host has changed, or none was reported',
                host,
            )
            raise exception.HostUnavailable(server_id) from exc
        except _SILENT as exc:
            self._silence.warn(
                f'the agent of {host}', rpc.agent_topic(host), exc
            )
            raise exception.HostUnavailable(server_id) from exc

    def _check_alive(
        self, context: console_context.RequestContext, host: str
    ) -> None:
        """Return if the agent may answer; soon, unlike a call in vain.

        :raises MessagingTimeout: it does not
        """
        if (
            self._client.can_send_version('1.2')
            and self.identify(context, host) is None
        ):
            raise oslo_messaging.MessagingTimeout('the agent is still silent')


def _has_agent(host: str) -> bool:
    if hostnames.is_valid(host):
        return True
    # Whoever knows the servers may name hosts by other rules.
    LOG.warning(
        'No agent can be called %r: a name has %s', host[:80], hostnames.RULE
    )
    return False


def _of_console(
    server_id: str, console_type: str, connect: types.ConnectInfo
) -> dict[str, Any]:
    """The arguments of a call about a console that is somewhere."""
    return {
        'server_id': server_id,
        'console_type': console_type,
        'connect': dataclasses.asdict(connect),
    }


def _entry(answer: object) -> Entry:
    confirmed = isinstance(answer, Mapping) and answer.get('confirmed')
    if not isinstance(answer, Mapping) or not isinstance(confirmed, bool):
        raise MalformedAnswer('enter_console: neither yes nor no')
    secret = answer.get('secret')
    if secret is None:
        return Entry(confirmed)
    if not isinstance(secret, str) or len(secret) > _LONGEST:
        raise MalformedAnswer('enter_console: secret is malformed')
    return Entry(confirmed, types.Secret(secret))


def _issued(answer: object) -> IssuedConsole:
    # A captured agent must not get further than its own servers: whatever
    # is stored and handed on has the form that it must have.
    if not isinstance(answer, Mapping):
        raise MalformedAnswer('get_console: no mapping')
    connect = answer.get('connect')
    if not isinstance(connect, Mapping):
        raise MalformedAnswer('get_console: no address')
    path = connect.get('internal_access_path')
    tls_port = connect.get('tls_port')
    return IssuedConsole(
        token=tokens.Token(_text(answer.get('token'), 'token', _TOKEN)),
        url=_text(answer.get('url'), 'url', _URL, _LONGEST_URL),
        connect=types.ConnectInfo(
            host=_text(connect.get('host'), 'host', _HOST),
            port=_port(connect.get('port'), 'port'),
            internal_access_path=(
                None
                if path is None
                else _text(path, 'internal_access_path', _PATH)
            ),
            tls_port=None if tls_port is None else _port(tls_port, 'tls_port'),
        ),
    )


def _text(
    value: object, name: str, form: re.Pattern[str], longest: int = _LONGEST
) -> str:
    if (
        not isinstance(value, str)
        or len(value) > longest
        or not form.fullmatch(value)
    ):
        # The value may hold a token, so the message does not show it.
        raise MalformedAnswer(f'get_console: {name} is malformed')
    return value


def _port(value: object, name: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise MalformedAnswer(f'get_console: {name} is no number')
    if not 1 <= value <= 65535:
        raise MalformedAnswer(f'get_console: {name} is no port')
    return value
