# SPDX-License-Identifier: Apache-2.0
"""The directory of the servers of the Nova in whose process this runs."""

from collections.abc import Callable
import datetime
import importlib
import logging
import sys
import time
from typing import Any
from typing import Protocol

from oslo_config import cfg
from oslo_context import context as oslo_context

from console_api import exception
from console_api.servers import cache
from console_api.servers import directory

LOG = logging.getLogger(__name__)


class Instance(Protocol):
    """What is read of Nova's object of that name.

    To read an attribute that one does not contain asks its database again, or
    fails.
    """

    display_name: str | None
    project_id: str
    user_id: str
    host: str | None
    vm_state: str | None
    task_state: str | None
    power_state: int | None
    created_at: datetime.datetime | None
    updated_at: datetime.datetime | None

    def __contains__(self, name: str) -> bool: ...


#: From an id to Nova's object, of whichever project; None if there is none.
Lookup = Callable[[str], Instance | None]


class NovaProcessDirectory(cache.CachedDirectory):
    """A ``ServerDirectory`` that asks Nova's objects and remembers.

    A look-up is two reads of Nova's databases in the thread of the request,
    as in each request that Nova itself answers: no other request, no user in
    Keystone and no Neutron, which ``GET /servers/{server_id}`` asks.

    :raises ConfigurationError: this process is none of Nova's API
    """

    def __init__(
        self,
        conf: cfg.ConfigOpts,
        lookup: Lookup | None = None,
        clock: cache.Clock = time.monotonic,
    ) -> None:
        self._lookup = lookup or nova_lookup()
        super().__init__(conf.servers.cache_time, clock)

    def _fetch(self, server_id: str) -> directory.Server:
        try:
            instance = self._lookup(server_id)
            if instance is not None:
                return _server(instance, server_id)
        except Exception as exc:
            # Whatever a Nova of any release and its database raise.
            LOG.exception('Server %s could not be read from Nova', server_id)
            raise exception.ComputeAPIUnavailable() from exc
        raise exception.InstanceNotFound(server_id)


def nova_lookup() -> Lookup:
    """What asks the compute API of the Nova of this process.

    :raises ConfigurationError: this process is none of Nova's API
    """
    if 'nova' not in sys.modules:
        raise exception.ConfigurationError(
            '[servers] directory = nova-process is for the filter in the '
            'pipeline of Nova: this process is not one of its API'
        )
    # Nova is there or not; what else imports this module need not have it.
    context: Any = importlib.import_module('nova.context')
    errors: Any = importlib.import_module('nova.exception')
    compute: Any = importlib.import_module('nova.compute.api').API()

    def look_up(server_id: str) -> Instance | None:
        caller = oslo_context.get_current()
        # The caller decides who may see the server.
        elevated = context.get_admin_context()
        try:
            found: Instance = compute.get(elevated, server_id)
        except errors.InstanceNotFound:
            return None
        finally:
            # Nova leaves another one there, and the log would name nobody.
            if caller is not None:
                caller.update_store()
        return found

    return look_up


def _server(instance: Instance, server_id: str) -> directory.Server:
    created = _time(instance, 'created_at')
    return directory.Server(
        id=server_id,
        name=_value(instance, 'display_name') or '',
        project_id=instance.project_id,
        user_id=instance.user_id,
        host=_value(instance, 'host'),
        vm_state=_value(instance, 'vm_state') or 'building',
        task_state=_value(instance, 'task_state'),
        power_state=_value(instance, 'power_state') or 0,
        consoles=(),
        created_at=created,
        updated_at=_time(instance, 'updated_at', created),
    )


def _value(instance: Instance, name: str) -> Any:
    # One that is still to be built need not have all of them.
    return getattr(instance, name) if name in instance else None


def _time(
    instance: Instance, name: str, default: datetime.datetime | None = None
) -> datetime.datetime:
    moment = _value(instance, name)
    if moment is None:
        return default or datetime.datetime.now(datetime.UTC).replace(
            tzinfo=None
        )
    if not isinstance(moment, datetime.datetime):
        raise TypeError(f'{name} is no time')
    if moment.tzinfo is None:
        return moment
    return moment.astimezone(datetime.UTC).replace(tzinfo=None)
