# SPDX-License-Identifier: Apache-2.0
"""The directory of the servers that a Nova knows, by its API."""

from collections.abc import Callable
import datetime
import logging
import threading
import time
from typing import Any

from oslo_config import cfg

from console_api import exception
from console_api import novaapi
from console_api.servers import directory

LOG = logging.getLogger(__name__)

#: The oldest microversion: all that is needed was there from the start.
_VERSION = '2.1'
_HOST = 'OS-EXT-SRV-ATTR:host'
#: Servers that are remembered at once; one is a few hundred bytes.
_MOST_CACHED = 1000
_LONGEST = 255

Clock = Callable[[], float]


class NovaDirectory:
    """A ``ServerDirectory`` that asks Nova and remembers for seconds.

    :raises ConfigurationError: the user of group ``[nova]`` is incomplete
    """

    def __init__(
        self, conf: cfg.ConfigOpts, clock: Clock = time.monotonic
    ) -> None:
        self._nova = novaapi.NovaAPI(conf)
        self._cache = _Cache(conf.servers.cache_time, _MOST_CACHED, clock)

    def get(self, server_id: str) -> directory.Server:
        """The server with this id, of whichever project.

        :raises InstanceNotFound: Nova has none
        :raises ComputeAPIUnavailable: Nova gave no answer that can be used
        """
        known = self._cache.get(server_id)
        if known is not None:
            return known
        try:
            server = self._fetch(server_id)
        except novaapi.RefusedError as exc:
            LOG.error(
                'The user in [nova] cannot see servers: %s. Check its '
                'password, and that it has the role admin.',
                exc,
            )
            raise exception.ComputeAPIUnavailable() from None
        except novaapi.NovaError as exc:
            LOG.warning('Server %s could not be read: %s', server_id, exc)
            raise exception.ComputeAPIUnavailable() from None
        self._cache.put(server)
        return server

    def list(
        self,
        query: directory.ServerQuery,  # noqa: ARG002 - the interface
    ) -> list[directory.Server]:
        """Not served: whoever wants a list asks Nova itself.

        :raises NotSupported: always
        """
        raise exception.NotSupported()

    def _fetch(self, server_id: str) -> directory.Server:
        answer = self._nova.get(f'/servers/{server_id}', _VERSION)
        if answer.status == 404:
            raise exception.InstanceNotFound(server_id)
        if answer.status != 200:
            raise novaapi.NovaError(f'Nova answered {answer.status}')
        return _server(answer.document, server_id)


class _Cache:
    """The servers of the last seconds; when it is full, the oldest goes."""

    def __init__(self, seconds: float, most: int, clock: Clock) -> None:
        self._seconds = seconds
        self._most = most
        self._clock = clock
        self._lock = threading.Lock()
        self._entries: dict[str, tuple[float, directory.Server]] = {}

    def get(self, server_id: str) -> directory.Server | None:
        with self._lock:
            until, server = self._entries.get(server_id, (0.0, None))
        return server if self._clock() < until else None

    def put(self, server: directory.Server) -> None:
        if not self._seconds:
            return
        with self._lock:
            # In again at the end: what is first is the oldest.
            self._entries.pop(server.id, None)
            while len(self._entries) >= self._most:
                del self._entries[next(iter(self._entries))]
            self._entries[server.id] = (self._clock() + self._seconds, server)


def _server(document: object, server_id: str) -> directory.Server:
    facts = document.get('server') if isinstance(document, dict) else None
    if not isinstance(facts, dict) or facts.get('id') != server_id:
        raise novaapi.NovaError('the answer is not about this server')
    if _HOST not in facts:
        raise novaapi.RefusedError(f'Nova does not show it {_HOST}')
    power_state = facts.get('OS-EXT-STS:power_state')
    return directory.Server(
        id=server_id,
        name=_text(facts, 'name'),
        project_id=_text(facts, 'tenant_id'),
        user_id=_text(facts, 'user_id'),
        host=_optional_text(facts, _HOST),
        vm_state=_text(facts, 'OS-EXT-STS:vm_state'),
        task_state=_optional_text(facts, 'OS-EXT-STS:task_state'),
        power_state=power_state if isinstance(power_state, int) else 0,
        consoles=(),
        created_at=_time(facts, 'created'),
        updated_at=_time(facts, 'updated'),
    )


def _text(facts: dict[str, Any], name: str) -> str:
    value = facts.get(name)
    if not isinstance(value, str) or len(value) > _LONGEST:
        raise novaapi.NovaError(f'{name} is malformed')
    return value


def _optional_text(facts: dict[str, Any], name: str) -> str | None:
    return _text(facts, name) if facts.get(name) else None


def _time(facts: dict[str, Any], name: str) -> datetime.datetime:
    try:
        moment = datetime.datetime.fromisoformat(_text(facts, name))
    except ValueError:
        raise novaapi.NovaError(f'{name} is malformed') from None
    if moment.tzinfo is None:
        return moment
    return moment.astimezone(datetime.UTC).replace(tzinfo=None)
