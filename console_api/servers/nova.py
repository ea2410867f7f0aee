# SPDX-License-Identifier: Apache-2.0
"""The directory of the servers that a Nova knows, by its API."""

import datetime
import logging
import threading
import time
from typing import Any

from oslo_config import cfg

from console_api import exception
from console_api import novaapi
from console_api.servers import cache
from console_api.servers import directory

LOG = logging.getLogger(__name__)

#: The oldest microversion: all that is needed was there from the start.
_VERSION = '2.1'
_HOST = 'OS-EXT-SRV-ATTR:host'
_LONGEST = 255


class NovaDirectory(cache.CachedDirectory):
    """A ``ServerDirectory`` that asks Nova and remembers for seconds.

    No more than ``[servers] max_lookups`` threads wait for Nova at once. The
    Nova may be the very process that this one is a filter in: if each of its
    threads waited for one more, none would answer.

    :raises ConfigurationError: the user of group ``[nova]`` is incomplete
    """

    def __init__(
        self, conf: cfg.ConfigOpts, clock: cache.Clock = time.monotonic
    ) -> None:
        self._nova = novaapi.NovaAPI(conf)
        self._free = threading.BoundedSemaphore(conf.servers.max_lookups)
        super().__init__(conf.servers.cache_time, clock)

    def check(self) -> None:
        """Log what is wrong with the user that Nova is asked with, if any.

        The process starts all the same: it may be another service's, and
        Keystone may be back before the first request.
        """
        try:
            self._nova.check()
        except novaapi.RefusedError as exc:
            _log_refusal(exc)
        except novaapi.NovaError as exc:
            LOG.warning('The user in [nova] could not log in: %s', exc)

    def _fetch(self, server_id: str) -> directory.Server:
        if not self._free.acquire(blocking=False):
            raise exception.ComputeAPIBusy()
        try:
            return self._ask(server_id)
        except novaapi.RefusedError as exc:
            _log_refusal(exc)
            raise exception.ComputeAPIUnavailable() from None
        except novaapi.NovaError as exc:
            LOG.warning('Server %s could not be read: %s', server_id, exc)
            raise exception.ComputeAPIUnavailable() from None
        finally:
            self._free.release()

    def _ask(self, server_id: str) -> directory.Server:
        answer = self._nova.get(f'/servers/{server_id}', _VERSION)
        if answer.status == 404:
            raise exception.InstanceNotFound(server_id)
        if answer.status != 200:
            raise novaapi.NovaError(f'Nova answered {answer.status}')
        return _server(answer.document, server_id)


def _log_refusal(exc: novaapi.RefusedError) -> None:
    LOG.error(
        'The user in [nova] cannot see servers: %s. Check its password, and '
        'that it has the role admin.',
        exc,
    )


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
