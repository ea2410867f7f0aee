# SPDX-License-Identifier: Apache-2.0
"""The status that users see, from the states that Nova keeps."""

_BY_STATE = {
    'active': 'ACTIVE',
    'building': 'BUILD',
    'stopped': 'SHUTOFF',
    'rescued': 'RESCUE',
    'paused': 'PAUSED',
    'suspended': 'SUSPENDED',
    'resized': 'VERIFY_RESIZE',
    'error': 'ERROR',
    'deleted': 'DELETED',
    'soft-delete': 'SOFT_DELETED',
    'shelved': 'SHELVED',
    'shelved_offloaded': 'SHELVED_OFFLOADED',
}

#: Tasks that show through the state of a running server.
_ACTIVE_TASKS = {
    'rebooting': 'REBOOT',
    'reboot_pending': 'REBOOT',
    'reboot_started': 'REBOOT',
    'rebooting_hard': 'HARD_REBOOT',
    'reboot_pending_hard': 'HARD_REBOOT',
    'reboot_started_hard': 'HARD_REBOOT',
    'migrating': 'MIGRATING',
    'rebuilding': 'REBUILD',
    'resize_prep': 'RESIZE',
    'resize_migrating': 'RESIZE',
    'resize_migrated': 'RESIZE',
    'resize_finish': 'RESIZE',
    'updating_password': 'PASSWORD',
}


def status_of(vm_state: str, task_state: str | None) -> str:
    """The status of a server in these states; UNKNOWN for strange ones."""
    if vm_state == 'active' and task_state in _ACTIVE_TASKS:
        return _ACTIVE_TASKS[task_state]
    return _BY_STATE.get(vm_state, 'UNKNOWN')


def states_of(
    status: str,
) -> tuple[tuple[str, ...], tuple[str, ...] | None]:
    """The vm_states and task_states behind a status, to filter by.

    None means any task; both are empty for a status that does not exist.
    """
    wanted = status.upper()
    tasks = tuple(t for t, s in _ACTIVE_TASKS.items() if s == wanted)
    if tasks:
        return ('active',), tasks
    return tuple(v for v, s in _BY_STATE.items() if s == wanted), None
