# SPDX-License-Identifier: Apache-2.0
from console_api.servers import status
from tests import base


class StatusOfTest(base.TestCase):
    def test_states(self) -> None:
        for vm_state, wanted in (
            ('active', 'ACTIVE'),
            ('building', 'BUILD'),
            ('stopped', 'SHUTOFF'),
            ('rescued', 'RESCUE'),
            ('paused', 'PAUSED'),
            ('suspended', 'SUSPENDED'),
            ('resized', 'VERIFY_RESIZE'),
            ('error', 'ERROR'),
            ('deleted', 'DELETED'),
            ('soft-delete', 'SOFT_DELETED'),
            ('shelved', 'SHELVED'),
            ('shelved_offloaded', 'SHELVED_OFFLOADED'),
        ):
            with self.subTest(vm_state=vm_state):
                self.assertEqual(wanted, status.status_of(vm_state, None))

    def test_strange_state(self) -> None:
        self.assertEqual('UNKNOWN', status.status_of('dancing', None))

    def test_task_shows_through_a_running_server(self) -> None:
        self.assertEqual('REBOOT', status.status_of('active', 'rebooting'))
        self.assertEqual('MIGRATING', status.status_of('active', 'migrating'))

    def test_task_does_not_show_through_others(self) -> None:
        self.assertEqual('SHUTOFF', status.status_of('stopped', 'rebooting'))

    def test_quiet_task_does_not_show(self) -> None:
        self.assertEqual('ACTIVE', status.status_of('active', 'deleting'))


class StatesOfTest(base.TestCase):
    def test_status_of_a_state(self) -> None:
        self.assertEqual((('paused',), None), status.states_of('PAUSED'))

    def test_case_does_not_matter(self) -> None:
        self.assertEqual((('paused',), None), status.states_of('Paused'))

    def test_status_of_a_task(self) -> None:
        states, tasks = status.states_of('REBOOT')
        self.assertEqual(('active',), states)
        self.assertEqual(
            {'rebooting', 'reboot_pending', 'reboot_started'}, set(tasks)
        )

    def test_status_that_does_not_exist(self) -> None:
        self.assertEqual(((), None), status.states_of('DANCING'))
