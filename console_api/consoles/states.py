# SPDX-License-Identifier: Apache-2.0
"""In which states a server has no console (API.md, status of POST)."""

from console_api import exception
from console_api.consoles import types
from console_api.servers import directory

#: The guest is being taken away from its host.
_REFUSED_TASKS = frozenset({'deleting', 'migrating', 'soft-deleting'})

#: Nothing of the guest runs, so nothing listens.
_REFUSED_STATES = frozenset(
    {
        'crashed',
        'deleted',
        'shelved',
        'shelved_offloaded',
        'soft-delete',
        'stopped',
    }
)


def check_ready(
    server: directory.Server, console_type: types.ConsoleType
) -> str:
    """The host to ask for a console of this server.

    A server in a state that is not named here is left to its agent, which
    sees the guest itself.

    :raises InstanceNotReady: it was not scheduled yet
    :raises InstanceInvalidState: it is off, or about to leave its host
    """
    if server.task_state in _REFUSED_TASKS:
        raise exception.InstanceInvalidState(
            server.id,
            console_type.operation,
            f'task_state {server.task_state}',
        )
    if server.vm_state in _REFUSED_STATES:
        raise exception.InstanceInvalidState(
            server.id, console_type.operation, f'vm_state {server.vm_state}'
        )
    if server.host is None:
        raise exception.InstanceNotReady(server.id)
    return server.host
