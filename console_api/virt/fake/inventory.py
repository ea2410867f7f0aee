# SPDX-License-Identifier: Apache-2.0
"""The simulated servers: what they are, and the file that lists them."""

from collections.abc import Iterator
from collections.abc import Mapping
import dataclasses
import os
import types
import uuid

from console_api import exception
from console_api.consoles import types as console_types
from console_api.virt.fake import document

#: The states that a server may have, with the power state that goes with
#: each; names and numbers are Nova's.
POWER_STATES: Mapping[str, int] = types.MappingProxyType(
    {
        'active': 1,
        'building': 0,
        'crashed': 6,
        'deleted': 4,
        'error': 0,
        'paused': 3,
        'rescued': 1,
        'resized': 1,
        'shelved': 4,
        'shelved_offloaded': 4,
        'soft-delete': 4,
        'stopped': 4,
        'suspended': 7,
    }
)

#: A guest in these states shows what it last showed and takes no input.
FROZEN = ('paused', 'suspended')

#: What may be under way with a server, in Nova's words.
TASK_STATES = frozenset(
    (
        'block_device_mapping',
        'deleting',
        'image_backup',
        'image_pending_upload',
        'image_snapshot',
        'image_snapshot_pending',
        'image_uploading',
        'migrating',
        'networking',
        'pausing',
        'powering-off',
        'powering-on',
        'reboot_pending',
        'reboot_pending_hard',
        'reboot_started',
        'reboot_started_hard',
        'rebooting',
        'rebooting_hard',
        'rebuild_block_device_mapping',
        'rebuild_spawning',
        'rebuilding',
        'rescuing',
        'resize_confirming',
        'resize_finish',
        'resize_migrated',
        'resize_migrating',
        'resize_prep',
        'resize_reverting',
        'restoring',
        'resuming',
        'scheduling',
        'shelving',
        'shelving_image_pending_upload',
        'shelving_image_uploading',
        'shelving_offloading',
        'soft-deleting',
        'spawning',
        'suspending',
        'unpausing',
        'unrescuing',
        'unshelving',
        'updating_password',
    )
)

#: The most servers that one file may describe.
MAX_SERVERS = 100_000

_MAX_NAME = 10_000
_MAX_WORD = 255
_MAX_LOG = 1024 * 1024
_DEFAULT_OWNER = 'standalone'
_DEFAULT_CONSOLES = ('novnc',)
#: A simulated SPICE server lets nobody in, so it takes a file to have one.
_BUILT_IN_CONSOLES = ('novnc', 'serial')
_BUILT_IN_LOG = """\
Simulated firmware: no disk, no network, nothing to wait for
Simulated kernel 1.0 on one processor
console: the screen is here, the serial port is ttyS0
{name} has booted
"""
_NAMESPACE = uuid.UUID('7d2cf2f5-6f0c-4a5e-9a53-0b6f5a3f1f6e')
_KEYS = (
    'consoles',
    'count',
    'host',
    'id',
    'log',
    'name',
    'project_id',
    'task_state',
    'user_id',
    'vm_state',
)


@dataclasses.dataclass(frozen=True)
class SimulatedServer:
    """One server of the inventory.

    ``scheduled`` is False where the file says ``host: null``. A scheduled
    server without a ``host`` belongs to the host of whoever reads the file.
    """

    id: str
    name: str
    project_id: str = _DEFAULT_OWNER
    user_id: str = _DEFAULT_OWNER
    host: str | None = None
    scheduled: bool = True
    vm_state: str = 'active'
    task_state: str | None = None
    consoles: tuple[str, ...] = _DEFAULT_CONSOLES
    log: str = ''

    @property
    def power_state(self) -> int:
        """Nova's number of the power state that goes with ``vm_state``."""
        return POWER_STATES[self.vm_state]

    def host_seen_from(self, own_host: str) -> str | None:
        """The host that it is on, or None if it is on none."""
        if not self.scheduled:
            return None
        return self.host if self.host is not None else own_host


def built_in() -> tuple[SimulatedServer, ...]:
    """The servers that are there without a file; always the same ids."""
    return tuple(
        SimulatedServer(
            _derive_id(name, 0),
            name,
            consoles=_BUILT_IN_CONSOLES,
            log=_BUILT_IN_LOG.format(name=name),
        )
        for name in ('demo-1', 'demo-2')
    )


def load(path: str | os.PathLike[str]) -> tuple[SimulatedServer, ...]:
    """The servers that a YAML file lists, in its order.

    :raises ConfigurationError: the file cannot be read or is wrong; the
        message names the file, the line and the reason
    """
    try:
        with open(path, 'rb') as stream:
            data = stream.read(document.MAX_BYTES + 1)
    except (OSError, ValueError) as exc:
        reason = getattr(exc, 'strerror', None) or str(exc)
        raise exception.ConfigurationError(
            f'{os.fspath(path)}: cannot be read: {reason}'
        ) from exc
    try:
        return tuple(_servers(data))
    except document.DocumentError as exc:
        raise exception.ConfigurationError(
            f'{os.fspath(path)}, line {exc.line}: {exc.reason}'
        ) from exc


def _servers(data: bytes) -> Iterator[SimulatedServer]:
    root = document.read(data, 'the file', ('servers',))
    entries = root.mappings('servers', _KEYS)
    if not entries:
        raise document.DocumentError(
            root.line_of('servers'), 'servers must list at least one server'
        )
    lines: dict[str, int] = {}
    for entry in entries:
        for server in _numbered(entry):
            if server.id in lines:
                raise document.DocumentError(
                    entry.line_of('id'),
                    f'the id {server.id} is taken by the server in line '
                    f'{lines[server.id]}; give each an id of its own',
                )
            if len(lines) >= MAX_SERVERS:
                raise document.DocumentError(
                    entry.line, f'there are more than {MAX_SERVERS} servers'
                )
            lines[server.id] = entry.line
            yield server


def _numbered(entry: document.Mapping) -> Iterator[SimulatedServer]:
    count = entry.number('count', 1, MAX_SERVERS)
    if 'count' not in entry:
        yield _server(entry)
        return
    if 'id' in entry and count > 1:
        raise document.DocumentError(
            entry.line_of('id'), f'{count} servers cannot have the same id'
        )
    template = _server(entry)
    for number in range(1, count + 1):
        yield dataclasses.replace(
            template,
            id=template.id
            if 'id' in entry
            else _derive_id(template.name, number),
            name=f'{template.name}-{number}',
        )


def _server(entry: document.Mapping) -> SimulatedServer:
    name = entry.text('name', '', _MAX_NAME)
    if not name:
        raise document.DocumentError(
            entry.line_of('name'), 'a server must have a name'
        )
    scheduled = not entry.is_null('host')
    vm_state = entry.text(
        'vm_state', 'active' if scheduled else 'building', _MAX_WORD
    )
    if vm_state not in POWER_STATES:
        raise _unknown(entry, 'vm_state', vm_state)
    return SimulatedServer(
        id=_id(entry, name),
        name=name,
        project_id=_word(entry, 'project_id') or _DEFAULT_OWNER,
        user_id=_word(entry, 'user_id') or _DEFAULT_OWNER,
        host=_word(entry, 'host') if scheduled else None,
        scheduled=scheduled,
        vm_state=vm_state,
        task_state=_task_state(entry),
        consoles=_consoles(entry),
        log=entry.text('log', '', _MAX_LOG),
    )


def _id(entry: document.Mapping, name: str) -> str:
    if 'id' not in entry:
        return _derive_id(name, 0)
    text = entry.text('id', '', _MAX_WORD).lower()
    try:
        correct = str(uuid.UUID(text)) == text
    except ValueError:
        correct = False
    if not correct:
        raise document.DocumentError(
            entry.line_of('id'), f'the id {document.quote(text)} is no UUID'
        )
    return text


def _derive_id(name: str, number: int) -> str:
    return str(uuid.uuid5(_NAMESPACE, f'{number}:{name}'))


def _word(entry: document.Mapping, key: str) -> str | None:
    if key not in entry:
        return None
    word = entry.text(key, '', _MAX_WORD)
    if not word:
        raise document.DocumentError(
            entry.line_of(key), f'{key} must not be empty'
        )
    return word


def _task_state(entry: document.Mapping) -> str | None:
    if 'task_state' not in entry or entry.is_null('task_state'):
        return None
    state = entry.text('task_state', '', _MAX_WORD)
    if state not in TASK_STATES:
        raise _unknown(entry, 'task_state', state)
    return state


def _consoles(entry: document.Mapping) -> tuple[str, ...]:
    if 'consoles' not in entry:
        return _DEFAULT_CONSOLES
    names: list[str] = []
    for line, name in entry.texts('consoles', _MAX_WORD):
        row = console_types.CONSOLE_TYPES.get(name)
        if row is None or row.removed:
            raise document.DocumentError(
                line, f'unknown console type {document.quote(name)}'
            )
        if name in names:
            raise document.DocumentError(
                line, f'the console type {name} is there twice'
            )
        names.append(name)
    return tuple(names)


def _unknown(
    entry: document.Mapping, key: str, value: str
) -> document.DocumentError:
    return document.DocumentError(
        entry.line_of(key), f'unknown {key} {document.quote(value)}'
    )
