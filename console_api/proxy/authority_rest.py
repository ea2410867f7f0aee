# SPDX-License-Identifier: Apache-2.0
"""An authority that asks Nova's API, for a proxy beside an unmodified Nova."""

from collections.abc import Callable
from collections.abc import Mapping
from concurrent import futures
import contextlib
import logging
import math
import re
import secrets
import threading
import time
from typing import Any
import uuid

from oslo_config import cfg

from console_api import exception
from console_api import novaapi
from console_api.conf import consoleauth
from console_api.consoles import tokens
from console_api.consoles import types
from console_api.proxy import confirmation

LOG = logging.getLogger(__name__)

#: Since 2.99 the answer has the TLS port, since 2.31 there is one at all.
_VERSION = '2.99'
_OLD_VERSION = '2.31'
#: How long one answer of 406 counts, in seconds. Nova may be upgraded, and
#: meanwhile some of its processes are older than others.
_AGE = 300.0

_POLICY = 'os_compute_api:os-console-auth-tokens'

_TOKEN = re.compile(r'[A-Za-z0-9_~-][A-Za-z0-9._~-]{0,254}', re.ASCII)
#: A host name, an IPv4 or an IPv6 address.
_HOST = re.compile(r'[A-Za-z0-9][A-Za-z0-9._-]*|[0-9A-Fa-f:.%]+', re.ASCII)
_PATH = re.compile(r'[!-~]+', re.ASCII)
_LONGEST = 255


class RestLookup:
    """A blocking look-up of tokens, for ``ThreadedAuthority``.

    Nova does not tell the type of a console, so each proxy serves the one
    type of ``[proxy] rest_console_type``, and spice-direct, whose answers
    are of another kind; nor does it tell when the token
    ends, so that it is taken to be new.

    A Nova that is older than the newest microversion is asked for that one
    again after ``age`` seconds.

    :raises ConfigurationError: the user of group ``[nova]`` is incomplete,
        or tokens are to be good for one session
    """

    def __init__(self, conf: cfg.ConfigOpts, age: float = _AGE) -> None:
        if conf.consoleauth.token_use == consoleauth.SINGLE:
            raise exception.ConfigurationError(
                '[consoleauth] token_use = single does not go with [proxy] '
                'authority = rest: nothing in the REST API says that a token '
                'was used. Ask the conductors (rpc), or use reusable.'
            )
        self._nova = novaapi.NovaAPI(conf)
        self._console_type: str = conf.proxy.rest_console_type
        self._ttl: int = conf.consoleauth.token_ttl
        self._timeout: int = conf.proxy.authority_timeout
        self._age = age
        #: Until when Nova is taken to be an old one.
        self._old_until = -math.inf
        self._confirmation = confirmation.Confirmation(
            self._nova, self._show, _how(conf)
        )
        self.shared = Shared(self._timeout)

    def __call__(
        self, token: str, key: tokens.SessionKey | None = None
    ) -> types.ConsoleGrant:
        """What this token lets its bearer do.

        Nova's tokens may be used again, so that nobody needs a ``key``. Calls
        with one token at one time are one look-up.

        :raises TokenNotFound: Nova does not know it, or not any more
        :raises HostUnavailable: Nova gave no answer that can be used
        """
        del key
        # Dots alone would name another path.
        if not _TOKEN.fullmatch(token):
            raise exception.TokenNotFound()
        return self.shared.result(token, lambda: self._look_up(token))

    def check(self) -> None:
        """Return if Nova can be asked; the question is one about no token.

        :raises RefusedError: its user may not ask, or could not log in
        :raises NovaError: it gave no answer that can be used
        """
        with contextlib.suppress(exception.TokenNotFound):
            end = time.monotonic() + self._timeout
            self._show(secrets.token_urlsafe(32), end)

    def _look_up(self, token: str) -> types.ConsoleGrant:
        end = time.monotonic() + self._timeout
        try:
            console = self._show(token, end)
            return self._confirmation.confirm(
                self._grant(console), console, end
            )
        except novaapi.RefusedError as exc:
            LOG.error(
                'The user in [nova] cannot look up console tokens: %s. Check '
                'its password, and that it has the role that the policy '
                'asks for.',
                exc,
            )
            raise _unavailable() from None
        except novaapi.NovaError as exc:
            LOG.warning('A console token could not be looked up: %s', exc)
            raise _unavailable() from None

    def _show(self, token: str, end: float) -> Mapping[str, Any]:
        """What Nova says of a token, as it says it."""
        if not _TOKEN.fullmatch(token):
            raise novaapi.NovaError('a token is malformed')
        with confirmation.needing(_POLICY):
            answer = self._ask(token, end)
        if answer.status == 404:
            raise exception.TokenNotFound()
        if answer.status != 200:
            raise novaapi.NovaError(f'Nova answered {answer.status}')
        return _mapping(_mapping(answer.document).get('console'))

    def _ask(self, token: str, end: float) -> novaapi.Answer:
        path = f'/os-console-auth-tokens/{token}'
        if time.monotonic() >= self._old_until:
            answer = self._nova.get(path, _VERSION, end)
            if answer.status != 406:
                return answer
            LOG.info(
                'Nova is older than microversion %s; using %s for now',
                _VERSION,
                _OLD_VERSION,
            )
            self._old_until = time.monotonic() + self._age
        return self._nova.get(path, _OLD_VERSION, end)

    def _grant(self, console: Mapping[str, Any]) -> types.ConsoleGrant:
        path = console.get('internal_access_path')
        tls_port = console.get('tls_port')
        return types.ConsoleGrant(
            server_id=_server_id(console.get('instance_uuid')),
            # Nova names the TLS port, if only as null, for these alone.
            console_type=(
                'spice-direct' if 'tls_port' in console else self._console_type
            ),
            connect=types.ConnectInfo(
                host=_text(console.get('host'), 'host', _HOST),
                port=_port(console.get('port'), 'port'),
                internal_access_path=(
                    _text(path, 'internal_access_path', _PATH)
                    if path
                    else None
                ),
                tls_port=(
                    None if tls_port is None else _port(tls_port, 'tls_port')
                ),
            ),
            expires_at=int(time.time()) + self._ttl,
        )


def _how(conf: cfg.ConfigOpts) -> str:
    """How tokens are confirmed.

    An API that asks nobody who they are gives a console of any server to
    whoever wants one, so that a token which has lost its server opens nothing
    more; and there is no user who could ask for another one.
    """
    how: str = conf.proxy.rest_confirm
    found = conf.get_location('rest_confirm', 'proxy')
    is_set = found is None or found.location is not cfg.Locations.opt_default
    if conf.nova.auth_type == 'none' and not is_set:
        LOG.warning(
            'Tokens are not confirmed: with [nova] auth_type = none the API '
            'gives consoles to anybody. [proxy] rest_confirm has them '
            'confirmed all the same.'
        )
        return 'none'
    return how


class Shared:
    """Lets calls that are made at one time have one result.

    The channels of a SPICE console come with one token at about one time.
    Nothing is kept: who comes when the answer is there asks anew. Nobody
    waits for longer than ``timeout`` seconds for what another one asked.
    """

    def __init__(self, timeout: float) -> None:
        self._timeout = timeout
        #: How many calls have waited for the result of another one.
        self.joined = 0
        self._lock = threading.Lock()
        self._asked: dict[str, futures.Future[types.ConsoleGrant]] = {}

    def result(
        self, token: str, ask: Callable[[], types.ConsoleGrant]
    ) -> types.ConsoleGrant:
        """What ``ask`` returns or raises, here or in another thread.

        :raises TimeoutError: the other one has no answer in time
        """
        with self._lock:
            awaited = self._asked.get(token)
            if awaited is None:
                mine = self._asked[token] = futures.Future()
            else:
                self.joined += 1
        if awaited is not None:
            return awaited.result(self._timeout)
        try:
            mine.set_result(ask())
        except BaseException as exc:  # noqa: BLE001 - raised below
            mine.set_exception(exc)
        finally:
            with self._lock:
                del self._asked[token]
        return mine.result()


def _unavailable() -> exception.HostUnavailable:
    return exception.HostUnavailable('unknown')


def _mapping(value: object) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise novaapi.NovaError('the answer is not about a console')
    return value


def _server_id(value: object) -> str:
    try:
        return str(uuid.UUID(value if isinstance(value, str) else ''))
    except ValueError:
        raise novaapi.NovaError('instance_uuid is malformed') from None


def _text(value: object, name: str, form: re.Pattern[str]) -> str:
    if (
        not isinstance(value, str)
        or len(value) > _LONGEST
        or not form.fullmatch(value)
    ):
        raise novaapi.NovaError(f'{name} is malformed')
    return value


def _port(value: object, name: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise novaapi.NovaError(f'{name} is no number')
    if not 1 <= value <= 65535:
        raise novaapi.NovaError(f'{name} is no port')
    return value
