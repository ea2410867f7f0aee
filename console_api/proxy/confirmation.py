# SPDX-License-Identifier: Apache-2.0
"""Whether a console still belongs to the server of its token, by Nova's word.

Nova looks a token up in its database alone. Its compute hosts know better,
and are asked by a request for another console of the same server.
"""

from collections.abc import Callable
from collections.abc import Iterator
from collections.abc import Mapping
import contextlib
import dataclasses
import logging
from typing import Any
from urllib import parse

from console_api import bulkhead
from console_api import exception
from console_api import novaapi
from console_api.consoles import types
from console_api.proxy import identity

LOG = logging.getLogger(__name__)

#: Looks a console token up by a time of time.monotonic: Nova's own words.
Show = Callable[[str, float], Mapping[str, Any]]

_CONSOLES_POLICY = 'os_compute_api:os-remote-consoles'
_SERVER_POLICY = 'os_compute_api:servers:show'
_NAME_POLICY = 'os_compute_api:os-extended-server-attributes'
_NAME = 'OS-EXT-SRV-ATTR:instance_name'
_POWER = 'OS-EXT-STS:power_state'
_TASK = 'OS-EXT-STS:task_state'
#: Any microversion has these three.
_SERVER_VERSION = '2.1'

#: Nova's words for: no such server, none that runs, no such console of it.
_NO = (400, 404, 409, 501)
_PLACE = ('instance_uuid', 'host', 'port', 'tls_port', 'internal_access_path')
#: An emulator that runs, or is paused.
_ALIVE = (1, 3)
#: Of the threads that look up tokens, those that may wait for one compute
#: host, which Nova asks for each console. Nova takes half a second under load.
_LIMITS = bulkhead.Limits(most=8, patience=3.0, memory=0, wait=3.0, crowd=8)
#: What happens to a server without a change of its emulator, or of what
#: Nova has reserved for it.
_HARMLESS = (
    None,
    'image_backup',
    'image_pending_upload',
    'image_snapshot',
    'image_snapshot_pending',
    'image_uploading',
    'reboot_pending',
    'reboot_started',
    'rebooting',
)


@contextlib.contextmanager
def needing(policy: str) -> Iterator[None]:
    """Let a refusal name the policy of Nova that it may come from."""
    try:
        yield
    except novaapi.LoginError:
        raise
    except novaapi.RefusedError as exc:
        raise novaapi.RefusedError(f'{exc} (policy {policy})') from None


class Confirmation:
    """Confirms what a token grants, as ``[proxy] rest_confirm`` says.

    A host that does not answer Nova keeps a few who ask about its consoles
    waiting; the others are told at once that it is busy.
    """

    def __init__(self, nova: novaapi.NovaAPI, show: Show, how: str) -> None:
        self._nova = nova
        self._show = show
        self._identifies = how in ('identity', 'both')
        self._asks_always = how in ('fresh', 'both')
        self._asks_never = how == 'none'
        self._hosts = bulkhead.ThreadBulkheads(
            _LIMITS, neither=(novaapi.NovaError,)
        )

    def confirm(
        self,
        grant: types.ConsoleGrant,
        console: Mapping[str, Any],
        end: float,
    ) -> types.ConsoleGrant:
        """The grant, with the identity that the guest must show if any.

        ``console`` is what Nova said of the token. All is done by ``end``, a
        time of time.monotonic.

        :raises TokenNotFound: the console is the server's no more
        :raises HostBusy: others wait for its host already
        :raises RefusedError: the user may not ask for what this takes
        :raises NovaError: Nova does not tell
        """
        if self._asks_never:
            return grant
        shows = identity.is_told_by(grant.console_type)
        if self._asks_always or not shows:
            self._compare_in_turn(grant, console, end)
        if not (self._identifies and shows):
            return grant
        name = None
        if _protocol(grant) == 'vnc':
            name = self._name(grant.server_id, end)
        wanted = identity.Identity(grant.server_id, name)
        # Not asdict(): it would copy what is within.
        facts = {
            field.name: getattr(grant, field.name)
            for field in dataclasses.fields(grant)
        }
        return identity.IdentifiedGrant(**facts, identity=wanted)

    def _compare_in_turn(
        self,
        grant: types.ConsoleGrant,
        console: Mapping[str, Any],
        end: float,
    ) -> None:
        try:
            with self._hosts.turn(grant.connect.host):
                self._compare(grant, console, end)
        except bulkhead.RefusedError:
            raise exception.HostBusy(grant.server_id) from None

    def _compare(
        self,
        grant: types.ConsoleGrant,
        console: Mapping[str, Any],
        end: float,
    ) -> None:
        protocol = _protocol(grant)
        if protocol == 'serial':
            # A domain that is off keeps the port in its definition, so that
            # its host would name one that it may have given away.
            self._check_power(grant.server_id, end)
        fresh = self._show(self._another(grant, end), end)
        places = [name for name in _PLACE if name in console or name in fresh]
        if protocol == 'mks':
            # It holds a ticket, which is made anew for each console.
            places.remove('internal_access_path')
        moved = [n for n in places if console.get(n) != fresh.get(n)]
        if moved:
            raise _gone(grant.server_id, f'{", ".join(moved)} changed')

    def _another(self, grant: types.ConsoleGrant, end: float) -> str:
        """The token of another console of the same server and type."""
        row = types.CONSOLE_TYPES[grant.console_type]
        with needing(_CONSOLES_POLICY):
            answer = self._nova.post(
                f'/servers/{grant.server_id}/remote-consoles',
                '{}.{}'.format(*row.since),
                {
                    'remote_console': {
                        'protocol': row.protocol,
                        'type': row.name,
                    }
                },
                end,
            )
        document = _document(answer, grant.server_id)
        try:
            return _token(document['remote_console']['url'])
        except (AttributeError, KeyError, TypeError, ValueError):
            # Its text could hold the token.
            raise novaapi.NovaError('a new console has no token') from None

    def _check_power(self, server_id: str, end: float) -> None:
        server = self._server(server_id, end)
        if server.get(_POWER) not in _ALIVE:
            raise _gone(server_id, 'it does not run')
        if server.get(_TASK) not in _HARMLESS:
            raise novaapi.NovaError(f'server {server_id} is changing')

    def _name(self, server_id: str, end: float) -> str:
        name = self._server(server_id, end).get(_NAME)
        if not isinstance(name, str) or not name:
            raise novaapi.RefusedError(
                f'Nova does not show it {_NAME} (policy {_NAME_POLICY})'
            )
        return name

    def _server(self, server_id: str, end: float) -> Mapping[str, Any]:
        with needing(_SERVER_POLICY):
            answer = self._nova.get(
                f'/servers/{server_id}', _SERVER_VERSION, end
            )
        document = _document(answer, server_id)
        server = document.get('server')
        if not isinstance(server, dict):
            raise novaapi.NovaError('the answer is not about a server')
        return server


def _token(url: str) -> str:
    """The token in the URL of a console, be it in the page's ``path``."""
    query = parse.parse_qs(parse.urlsplit(url).query)
    if 'token' not in query:
        query = parse.parse_qs(parse.urlsplit(query['path'][0]).query)
    return query['token'][0]


def _document(answer: novaapi.Answer, server_id: str) -> Mapping[str, Any]:
    if answer.status in _NO:
        raise _gone(server_id, f'Nova answered {answer.status}')
    if not 200 <= answer.status <= 299:
        raise novaapi.NovaError(f'Nova answered {answer.status}')
    if not isinstance(answer.document, dict):
        raise novaapi.NovaError('the answer is no object')
    return answer.document


def _protocol(grant: types.ConsoleGrant) -> str:
    return types.CONSOLE_TYPES[grant.console_type].protocol


def _gone(server_id: str, why: str) -> exception.TokenNotFound:
    # To a user who is no admin Nova shows no servers of other projects: 404.
    LOG.info(
        'A token for a console of server %s is good no more: %s. If all are '
        'refused, the user in [nova] may lack the role that Nova takes for '
        'an admin, or [proxy] rest_console_type is not that of the tokens.',
        server_id,
        why,
    )
    return exception.TokenNotFound()
