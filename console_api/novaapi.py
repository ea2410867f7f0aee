# SPDX-License-Identifier: Apache-2.0
"""The client of another compute API, a Nova: reads as a service user."""

from collections.abc import Callable
import dataclasses
import json
import logging
import math
import re
import time
from typing import Any
from typing import TypeVar

from keystoneauth1 import exceptions as ksa_exceptions
from keystoneauth1 import loading
from keystoneauth1 import session
from oslo_config import cfg

from console_api import exception
from console_api import httpdeadline

GROUP = 'nova'

_OPTS = (
    cfg.URIOpt(
        'endpoint_override',
        schemes=['http', 'https'],
        help="""
The URL of Nova's API, with or without ``/v2.1`` at its end.

Set it where the one in Keystone's catalog is not the one to use: the catalog
may name this service. Unset, the catalog is asked.
""",
    ),
    cfg.StrOpt(
        'service_type',
        default='compute',
        help="""
The type that Nova's API has in Keystone's catalog.
""",
    ),
    cfg.ListOpt(
        'valid_interfaces',
        default=['internal', 'public'],
        help="""
The interfaces to take from Keystone's catalog, the best first.
""",
    ),
    cfg.StrOpt(
        'region_name',
        help="""
The region to take from Keystone's catalog; unset, the first one.
""",
    ),
    cfg.StrOpt(
        'cafile',
        help="""
The file with the certificate authorities that Nova's and Keystone's
certificates are checked by; unset, those of the system.
""",
    ),
    cfg.StrOpt(
        'certfile',
        help="""
The file with the certificate that this service shows to Nova and Keystone.
""",
    ),
    cfg.StrOpt(
        'keyfile',
        help="""
The file with the key of ``certfile``.
""",
    ),
    cfg.BoolOpt(
        'insecure',
        default=False,
        help="""
Whether the certificates of Nova and Keystone are not checked at all.

Only for a cloud that is being tried: whoever is in between can then hand out
consoles of his choice.
""",
    ),
    cfg.IntOpt(
        'timeout',
        default=10,
        min=1,
        max=600,
        help="""
How long Nova, and Keystone, may take to answer, in seconds.

For a proxy, keep it below ``[proxy] authority_timeout``.
""",
    ),
)

#: No answer that is read here is a tenth as long.
_LONGEST_ANSWER = 1024 * 1024
_CHUNK = 16 * 1024
#: How often a request is sent if the connection fails at once.
_TRIES = 3
#: Connections to one host that are kept for the next requests. A proxy has
#: dozens of look-ups under way when many sessions come back at once.
_KEPT = 64
_VERSION_IN_PATH = re.compile(r'/v2(\.[0-9]+)?(/|$)')
_CONSOLE_TOKEN = re.compile(r'(/os-console-auth-tokens/)[^/?\s"\')]+')

_T = TypeVar('_T')

#: keystoneauth shows URLs, which may hold a console token, in its messages.
_SILENT = logging.Logger('silent', logging.CRITICAL + 1)


class NovaError(Exception):
    """Nova gave no answer that can be used; the text is for the log."""


class RefusedError(NovaError):
    """The service user may not ask, or could not log in."""


class LoginError(RefusedError):
    """Keystone does not let the service user in."""


@dataclasses.dataclass(frozen=True)
class Answer:
    """What Nova answered: the status and the JSON value of the body."""

    status: int
    document: Any


class RedactTokens(logging.Filter):
    """Takes console tokens out of the URLs in log lines."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Rewrite the line if it has a token; let it pass."""
        text = record.getMessage()
        if '/os-console-auth-tokens/' in text:
            record.msg = _CONSOLE_TOKEN.sub(r'\1***', text)
            record.args = ()
        return True


#: One for the process, so that it is put in place once.
_REDACT = RedactTokens()


def list_opts() -> list[tuple[str, list[cfg.Opt]]]:
    """The options of the client, for the sample configuration."""
    options = [
        *loading.get_auth_common_conf_options(),
        *loading.get_auth_plugin_conf_options('password'),
        *_OPTS,
    ]
    return [(GROUP, options)]


def register_opts(conf: cfg.ConfigOpts) -> None:
    """Make the options known; those of a plugin are when it is loaded."""
    loading.register_auth_conf_options(conf, GROUP)
    conf.register_opts(_OPTS, group=GROUP)


class NovaAPI:
    """Asks Nova with the user of group ``[nova]``; for any thread.

    The user's token and the connections are kept and used again.

    :raises ConfigurationError: no user is configured, or not completely
    """

    def __init__(self, conf: cfg.ConfigOpts) -> None:
        register_opts(conf)
        settings = conf[GROUP]
        try:
            auth = loading.load_auth_from_conf_options(conf, GROUP)
        except (ksa_exceptions.ClientException, cfg.Error) as exc:
            raise exception.ConfigurationError(f'[{GROUP}]: {exc}') from exc
        if auth is None:
            raise exception.ConfigurationError(
                f'[{GROUP}] auth_type is not set; see the guide for the user '
                'that this service asks Nova with'
            )
        self._deadline = httpdeadline.Deadline()
        certificate = settings.certfile
        if certificate and settings.keyfile:
            certificate = (certificate, settings.keyfile)
        self._timeout: int = settings.timeout
        self._endpoint: str | None = settings.endpoint_override
        self._in_catalog = {
            'service_type': settings.service_type,
            'interface': settings.valid_interfaces,
            'region_name': settings.region_name,
        }
        self._session = session.Session(
            auth=auth,
            verify=False if settings.insecure else settings.cafile or True,
            cert=certificate,
            timeout=settings.timeout,
            app_name='console-api',
        )
        for scheme in ('http://', 'https://'):
            self._session.session.mount(scheme, _Adapter(self._deadline))
        # The connection pool logs each path at DEBUG.
        logging.getLogger('urllib3.connectionpool').addFilter(_REDACT)

    def get(self, path: str, version: str, end: float = math.inf) -> Answer:
        """What Nova answers to this path at this microversion.

        An answer of 200 to 299 has a document, any other one none. With all
        that it takes, a login among it, the answer is there within the
        configured timeout, and by ``end``, a time of ``time.monotonic``.

        :raises RefusedError: the user may not ask, or could not log in
        :raises NovaError: it did not answer in time, or answered no JSON
        """
        return self._ask('GET', path, version, end)

    def post(
        self, path: str, version: str, body: object, end: float = math.inf
    ) -> Answer:
        """What Nova answers to this JSON value; otherwise as ``get``.

        It may be sent more than once.
        """
        return self._ask('POST', path, version, end, body)

    def _ask(
        self,
        method: str,
        path: str,
        version: str,
        end: float,
        body: object = None,
    ) -> Answer:
        asked = {'method': method, 'microversion': version, 'json': body}
        return self._in_time(lambda: self._send_again(path, asked), end)

    def check(self) -> None:
        """Log in, as the first request will; Nova itself is not asked.

        :raises RefusedError: Keystone refuses the user
        :raises NovaError: Keystone did not answer in time
        """
        try:
            self._in_time(self._session.get_token, math.inf)
        finally:
            # Processes that are forked after this must not share it.
            self._session.session.close()

    def _in_time(self, ask: Callable[[], _T], end: float) -> _T:
        self._deadline.end = min(end, time.monotonic() + self._timeout)
        try:
            return ask()
        except ksa_exceptions.HttpError as exc:
            raise _keystone_error(exc) from None
        except (ksa_exceptions.ClientException, OSError) as exc:
            raise NovaError(self._words(exc)) from None
        finally:
            self._deadline.end = math.inf

    def _words(self, exc: Exception) -> str:
        # Its message has the whole URL.
        name = type(exc).__name__
        if time.monotonic() < self._deadline.end:
            return name
        return f'the answer took too long ({name})'

    def _send_again(self, path: str, asked: dict[str, Any]) -> Answer:
        # A kept connection may be closed by the other side at the moment in
        # which it is used again.
        for _ in range(_TRIES - 1):
            try:
                return self._send(path, asked)
            except ksa_exceptions.ConnectFailure:
                if time.monotonic() > self._deadline.end:
                    raise
        return self._send(path, asked)

    def _send(self, path: str, asked: dict[str, Any]) -> Answer:
        endpoint = self._endpoint or self._session.get_endpoint(
            **self._in_catalog
        )
        if endpoint is None:
            raise ksa_exceptions.EndpointNotFound()
        response = self._session.request(
            _versioned(endpoint) + path,
            **asked,
            microversion_service_type='compute',
            raise_exc=False,
            log=False,
            logger=_SILENT,
            # Another host must not get the user's token.
            redirect=False,
            connect_retries=0,
            stream=True,
        )
        with response:
            status = response.status_code
            if status in (401, 403):
                raise RefusedError(f'Nova answered {status}')
            if not 200 <= status <= 299:
                return Answer(status, None)
            return Answer(status, _document(response))


class _Adapter(session.TCPKeepAliveAdapter):
    """Makes the connections that keep to a deadline."""

    def __init__(self, deadline: httpdeadline.Deadline) -> None:
        self._deadline = deadline
        super().__init__(pool_maxsize=_KEPT)

    def init_poolmanager(self, *args: Any, **options: Any) -> None:
        """See requests."""
        super().init_poolmanager(*args, **options)
        httpdeadline.use(self.poolmanager, self._deadline)

    def proxy_manager_for(self, proxy: Any, **options: Any) -> Any:
        """See requests."""
        manager = super().proxy_manager_for(proxy, **options)
        httpdeadline.use(manager, self._deadline)
        return manager


def _keystone_error(exc: ksa_exceptions.HttpError) -> NovaError:
    # What Nova answers is not raised.
    text = f'Keystone answered {exc.http_status}'
    if exc.http_status in (401, 403):
        return LoginError(text)
    return NovaError(text)


def _versioned(url: str) -> str:
    url = url.rstrip('/')
    return url if _VERSION_IN_PATH.search(url) else f'{url}/v2.1'


def _document(response: Any) -> Any:
    """The JSON value of a body that is not endless."""
    body = bytearray()
    for chunk in response.iter_content(_CHUNK):
        body += chunk
        if len(body) > _LONGEST_ANSWER:
            raise NovaError('the answer is too long')
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        raise NovaError('the answer is no JSON') from None
