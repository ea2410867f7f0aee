# SPDX-License-Identifier: Apache-2.0
"""Files with which virt-viewer connects to a SPICE console by itself.

They tell the user where the hypervisor is, as spice-direct means it.
"""

from collections.abc import Mapping
import dataclasses
import logging
import pathlib
import re
from urllib import parse

from oslo_config import cfg

from console_api import exception
from console_api.consoles import types
from console_api.proxy import authority
from console_api.proxy import journal
from console_api.proxy import limits
from console_api.proxy import request
from console_api.proxy import tally
from console_api.proxy import upgrade

LOG = logging.getLogger(__name__)

#: Where the files are besides the path of the base URL.
PATH = '/spice-direct'

_TYPE = 'spice-direct'
_HOST = re.compile(r'[A-Za-z0-9][A-Za-z0-9._-]*|[0-9A-Fa-f:.]+', re.ASCII)
_HEADERS = (
    ('Cache-Control', 'no-store'),
    ('X-Content-Type-Options', 'nosniff'),
    ('Referrer-Policy', 'no-referrer'),
    ('Content-Security-Policy', "default-src 'none'; frame-ancestors 'none'"),
)
#: Of an answer that may be another one soon.
_LATER = ('Retry-After', str(limits.RETRY_AFTER))
_FILE_HEADERS = (
    *_HEADERS,
    ('Content-Type', 'application/x-virt-viewer'),
    ('Content-Disposition', 'attachment; filename="console.vv"'),
)


@dataclasses.dataclass(frozen=True)
class Settings:
    """What group ``[spice]`` says of these files.

    ``ca`` is PEM text; ``host_subject`` may have ``{host}`` in it.
    """

    paths: frozenset[str]
    require_secure: bool = False
    ca: str | None = None
    host_subject: str | None = None


def load(conf: cfg.ConfigOpts) -> Settings:
    """The settings of this configuration.

    :raises ConfigurationError: a file cannot be read, or a text is no good
    """
    subject: str | None = conf.spice.direct_host_subject
    if subject is not None and '{' in subject.replace('{host}', ''):
        raise exception.ConfigurationError(
            '[spice] direct_host_subject: {host} is all that is filled in'
        )
    return Settings(
        paths=_paths(conf.spice.spice_direct_proxy_base_url),
        require_secure=conf.spice.require_secure,
        ca=_read(conf.spice.direct_ca_certs),
        host_subject=subject,
    )


class DirectFiles:
    """Makes a file for each token of a spice-direct console.

    ``lookup`` gives up by itself after a while, with a TimeoutError;
    ``counted`` is told what came of each request.
    """

    def __init__(
        self,
        settings: Settings,
        lookup: authority.Authority,
        counted: tally.Tally,
    ) -> None:
        self._settings = settings
        self._authority = lookup
        self._counted = counted

    def renew(self, settings: Settings) -> None:
        """Make files by these from now on."""
        self._settings = settings

    def is_here(self, path: str) -> bool:
        """Whether this is the place of such files."""
        return path in self._settings.paths

    async def respond(
        self, head: request.Request, peer: str
    ) -> request.Response:
        """The file, or an error without a body; ``peer`` is for the log."""
        if head.method != 'GET':
            # HEAD among them: a token may be good for one answer only.
            return request.Response(405, (*_HEADERS, ('Allow', 'GET')))
        outcome, response = await self._answer(head, peer)
        self._counted.files[outcome] += 1
        return response

    async def _answer(
        self, head: request.Request, peer: str
    ) -> tuple[str, request.Response]:
        """One of ``tally.FILE_OUTCOMES``, and what the client is sent."""
        token = upgrade.query_token(head.query)
        if token is None:
            return 'bad_token', request.Response(404, _HEADERS)
        try:
            grant = await self._authority.authorize(token.reveal())
        except exception.TokenNotFound:
            LOG.info('No .vv file for %s: the token is no good', peer)
            return 'bad_token', request.Response(404, _HEADERS)
        except (
            exception.HostUnavailable,
            exception.ServiceBusy,
            TimeoutError,
        ) as exc:
            return _not_now(peer, exc)
        except Exception as exc:  # noqa: BLE001 - as in a session
            # No message: it may hold the token.
            LOG.error('No .vv file for %s: %s', peer, type(exc).__name__)
            return 'internal', request.Response(500, _HEADERS)
        entries = self._entries(grant)
        if entries is None:
            return 'unfit', request.Response(404, _HEADERS)
        LOG.info(
            'A .vv file of server %s was made for user %s of project %s at %s',
            journal.quoted(grant.server_id),
            journal.quoted(grant.user_id),
            journal.quoted(grant.project_id),
            peer,
        )
        file = request.Response(200, _FILE_HEADERS, _file(entries))
        return 'made', file

    def _entries(self, grant: types.ConsoleGrant) -> Mapping[str, str] | None:
        where = grant.connect
        if (
            grant.view_only
            or grant.console_type != _TYPE
            or not _HOST.fullmatch(where.host)
        ):
            LOG.info(
                'Server %s: the token is for no .vv file', grant.server_id
            )
            return None
        entries = {
            'type': 'spice',
            'host': where.host,
            'title': grant.server_id,
            'delete-this-file': '1',
        }
        only_tls = where.port == where.tls_port
        if not (self._settings.require_secure or only_tls):
            return entries | {'port': str(where.port)}
        if where.tls_port is None:
            LOG.warning(
                'Server %s has no TLS port for SPICE, which [spice] '
                'require_secure asks for',
                grant.server_id,
            )
            return None
        # No plain port: viewers would try it first.
        return entries | {
            'tls-port': str(where.tls_port),
            **self._trust(where.host),
        }

    def _trust(self, host: str) -> Mapping[str, str]:
        """How the viewer checks the hypervisor's certificate."""
        trust = {}
        if self._settings.ca is not None:
            trust['ca'] = self._settings.ca
        if self._settings.host_subject is not None:
            subject = self._settings.host_subject
            trust['host-subject'] = subject.replace('{host}', host)
        return trust


def _paths(base_url: str) -> frozenset[str]:
    """The path of the base URL and what a proxy in front may leave of it."""
    found = {PATH}
    path = parse.urlsplit(base_url).path
    while len(path) > 1:
        found.add(path)
        _, slash, rest = path[1:].partition('/')
        path = slash + rest
    return frozenset(found)


def _read(path: str | None) -> str | None:
    if path is None:
        return None
    try:
        return pathlib.Path(path).read_text('ascii')
    except (OSError, UnicodeError) as exc:
        reason = exc.strerror if isinstance(exc, OSError) else 'it is not PEM'
        raise exception.ConfigurationError(
            f'[spice] direct_ca_certs: cannot use {path}: {reason}'
        ) from exc


def _not_now(peer: str, exc: Exception) -> tuple[str, request.Response]:
    outcome, why = 'no_answer', 'the host did not answer'
    if isinstance(exc, exception.HostBusy | exception.ServiceBusy):
        outcome, why = 'busy', 'there are too many requests'
    LOG.info('No .vv file for %s: %s', peer, why)
    return outcome, request.Response(503, (*_HEADERS, _LATER))


def _file(entries: Mapping[str, str]) -> bytes:
    lines = [f'{name}={_escaped(text)}' for name, text in entries.items()]
    return '\n'.join(['[virt-viewer]', *lines, '']).encode()


def _escaped(text: str) -> str:
    """As a key file of GLib has it: each value is one line."""
    for plain, code in (('\\', '\\\\'), ('\n', '\\n'), ('\r', '\\r')):
        text = text.replace(plain, code)
    return text
