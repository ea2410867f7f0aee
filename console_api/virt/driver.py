# SPDX-License-Identifier: Apache-2.0
"""The interface between the agent and a hypervisor.

A driver is loaded by its name in the entry point group ``console_api.virt``
and called from several threads at once. Every method returns or raises within
the driver's own deadline.
"""

import abc
from collections.abc import Callable
from collections.abc import Collection
import dataclasses
import datetime

from oslo_config import cfg
from stevedore import driver as stevedore_driver
from stevedore import exception as stevedore_exception

from console_api import exception
from console_api.consoles import types

NAMESPACE = 'console_api.virt'


@dataclasses.dataclass(frozen=True)
class Guest:
    """A server on this hypervisor, as it is reported to the conductor.

    ``vm_state``, ``task_state`` and ``power_state`` have Nova's values:
    ``active``, ``stopped``, ``paused`` ...; None or ``migrating`` ...; 0 to 7.
    ``consoles`` names the console types that the guest has devices for.
    """

    id: str
    name: str
    project_id: str
    user_id: str
    vm_state: str = 'active'
    task_state: str | None = None
    power_state: int = 1
    consoles: tuple[str, ...] = ()
    created_at: datetime.datetime | None = None


@dataclasses.dataclass(frozen=True)
class Change:
    """Something happened to a server; ``ended``: a run of it is over.

    Consoles of a run that is over must not be used any more, whatever runs
    there now.
    """

    server_id: str
    ended: bool = False


#: Gets each change; None: changes may have been missed, any may be another.
Watcher = Callable[[Change | None], None]


class ConsoleDriver(abc.ABC):
    """Finds the guests of one hypervisor and where their consoles listen."""

    def __init__(self, conf: cfg.ConfigOpts) -> None:
        self.conf = conf

    @abc.abstractmethod
    def guests(self, only: Collection[str] | None = None) -> list[Guest]:
        """Every guest of this hypervisor, running or not.

        With ``only``, those of these ids that are here.
        """

    @abc.abstractmethod
    def connect_info(
        self, server_id: str, console_type: types.ConsoleType
    ) -> types.ConnectInfo:
        """Where this console listens now, found by the guest's identity.

        :raises InstanceNotFound: there is no such guest
        :raises InstanceNotReady: it does not run yet
        :raises InstanceInvalidState: it does not run
        :raises ConsoleTypeUnavailable: it has no such device
        :raises NotSupported: no guest of this hypervisor ever has one
        """

    def console_output(self, server_id: str, max_bytes: int) -> bytes:
        """The last ``max_bytes`` of what the guest wrote to its console.

        :raises InstanceNotFound: there is no such guest
        :raises ConsoleNotAvailable: nothing is kept of it
        """
        del server_id, max_bytes
        raise exception.NotSupported()

    def secret(
        self, server_id: str, console_type: types.ConsoleType
    ) -> types.Secret | None:
        """The password that the hypervisor asks for on this console.

        None where it asks for none.

        :raises InstanceNotFound: there is no such guest
        """
        del server_id, console_type
        return None

    def watch(self, watcher: Watcher) -> None:
        """Call ``watcher`` whenever a guest changes, until the end.

        Returns at once. The watcher is called in threads of the driver and
        must not block. A driver that cannot tell never calls it: the
        reports in between are all that the service learns. Called once.
        """
        del watcher

    @abc.abstractmethod
    def close(self) -> None:
        """Release threads, sockets and connections; called once."""


def load(conf: cfg.ConfigOpts, name: str) -> ConsoleDriver:
    """The driver of that name, ready to be called.

    :raises ConfigurationError: no such driver, or it cannot work here
    """
    try:
        manager: stevedore_driver.DriverManager[ConsoleDriver] = (
            stevedore_driver.DriverManager(
                NAMESPACE, name, invoke_on_load=True, invoke_args=(conf,)
            )
        )
    except (stevedore_exception.NoMatches, ImportError) as exc:
        raise exception.ConfigurationError(
            f'the driver {name!r} cannot be loaded: {exc}'
        ) from exc
    driver = manager.driver
    assert isinstance(driver, ConsoleDriver)
    return driver
