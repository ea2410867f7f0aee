# SPDX-License-Identifier: Apache-2.0
import datetime

from console_api import exception
from console_api.consoles import states
from console_api.consoles import types
from console_api.servers import directory
from tests import base

_ID = '00000000-0000-4000-8000-000000000001'
_VNC = types.CONSOLE_TYPES['novnc']


def _server(
    vm_state: str = 'active',
    task_state: str | None = None,
    host: str | None = 'here',
) -> directory.Server:
    now = datetime.datetime.fromisoformat('2026-01-01')
    return directory.Server(
        id=_ID,
        name='',
        project_id='',
        user_id='',
        host=host,
        vm_state=vm_state,
        task_state=task_state,
        power_state=0,
        consoles=(),
        created_at=now,
        updated_at=now,
    )


class CheckReadyTest(base.TestCase):
    def test_states_with_a_console(self) -> None:
        for state in ('active', 'paused', 'suspended', 'rescued', 'resized'):
            with self.subTest(state=state):
                server = _server(state)
                self.assertEqual('here', states.check_ready(server, _VNC))

    def test_states_left_to_the_agent(self) -> None:
        for state in ('building', 'error', 'dancing'):
            with self.subTest(state=state):
                server = _server(state)
                self.assertEqual('here', states.check_ready(server, _VNC))

    def test_states_without_a_console_are_named(self) -> None:
        for state in (
            'crashed',
            'deleted',
            'shelved',
            'shelved_offloaded',
            'soft-delete',
            'stopped',
        ):
            with self.subTest(state=state):
                with self.assertRaises(
                    exception.InstanceInvalidState
                ) as caught:
                    states.check_ready(_server(state), _VNC)
                self.assertEqual(
                    f"Cannot 'get_vnc_console' instance {_ID} while it is in "
                    f'vm_state {state}',
                    str(caught.exception),
                )

    def test_tasks_without_a_console_are_named(self) -> None:
        for task in ('deleting', 'migrating', 'soft-deleting'):
            with self.subTest(task=task):
                with self.assertRaises(
                    exception.InstanceInvalidState
                ) as caught:
                    states.check_ready(_server(task_state=task), _VNC)
                self.assertIn(f'task_state {task}', str(caught.exception))

    def test_other_tasks_do_not_matter(self) -> None:
        for task in ('rebooting', 'image_snapshot', 'pausing'):
            with self.subTest(task=task):
                server = _server(task_state=task)
                self.assertEqual('here', states.check_ready(server, _VNC))

    def test_operation_is_named_after_the_protocol(self) -> None:
        serial = types.CONSOLE_TYPES['serial']
        with self.assertRaises(exception.InstanceInvalidState) as caught:
            states.check_ready(_server('stopped'), serial)
        self.assertIn('get_serial_console', str(caught.exception))

    def test_no_host_yet(self) -> None:
        with self.assertRaises(exception.InstanceNotReady):
            states.check_ready(_server('building', host=None), _VNC)
