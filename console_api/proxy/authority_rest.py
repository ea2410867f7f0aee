# SPDX-License-Identifier: Apache-2.0
"""An authority that asks Nova's API, for a proxy beside an unmodified Nova."""

import logging
import math
import re
import time
from typing import Any
import uuid

from oslo_config import cfg

from console_api import exception
from console_api import novaapi
from console_api.conf import consoleauth
from console_api.consoles import tokens
from console_api.consoles import types

LOG = logging.getLogger(__name__)

#: Since 2.99 the answer has the TLS port, since 2.31 there is one at all.
_VERSION = '2.99'
_OLD_VERSION = '2.31'
#: How long one answer of 406 counts, in seconds. Nova may be upgraded, and
#: meanwhile some of its processes are older than others.
_AGE = 300.0

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
        self._age = age
        #: Until when Nova is taken to be an old one.
        self._old_until = -math.inf

    def __call__(
        self, token: str, key: tokens.SessionKey | None = None
    ) -> types.ConsoleGrant:
        """What this token lets its bearer do.

        Nova's tokens may be used again, so that nobody needs a ``key``.

        :raises TokenNotFound: Nova does not know it, or not any more
        :raises HostUnavailable: Nova gave no answer that can be used
        """
        del key
        # Dots alone would name another path.
        if not _TOKEN.fullmatch(token):
            raise exception.TokenNotFound()
        try:
            answer = self._ask(token)
            if answer.status == 404:
                raise exception.TokenNotFound()
            if answer.status != 200:
                raise novaapi.NovaError(f'Nova answered {answer.status}')
            return self._grant(answer.document)
        except novaapi.RefusedError as exc:
            LOG.error(
                'The user in [nova] cannot look up console tokens: %s. Check '
                'its password, and that it has the role that the policy '
                'os_compute_api:os-console-auth-tokens asks for.',
                exc,
            )
            raise _unavailable() from None
        except novaapi.NovaError as exc:
            LOG.warning('A console token could not be looked up: %s', exc)
            raise _unavailable() from None

    def _ask(self, token: str) -> novaapi.Answer:
        path = f'/os-console-auth-tokens/{token}'
        if time.monotonic() >= self._old_until:
            answer = self._nova.get(path, _VERSION)
            if answer.status != 406:
                return answer
            LOG.info(
                'Nova is older than microversion %s; using %s for now',
                _VERSION,
                _OLD_VERSION,
            )
            self._old_until = time.monotonic() + self._age
        return self._nova.get(path, _OLD_VERSION)

    def _grant(self, document: object) -> types.ConsoleGrant:
        console = _mapping(_mapping(document).get('console'))
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
