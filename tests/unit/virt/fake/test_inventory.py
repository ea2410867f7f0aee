# SPDX-License-Identifier: Apache-2.0
"""Tests of the file that lists simulated servers."""

import pathlib
import uuid

from console_api import exception
from console_api.virt.fake import document
from console_api.virt.fake import inventory
from tests import base

EXAMPLE = (
    pathlib.Path(__file__).parents[4]
    / 'etc'
    / 'console-api'
    / 'inventory.example.yaml'
)
ID = '3f1c7c1e-6a0e-4f3a-8d4b-2f1f0a9d7b11'


class InventoryTestCase(base.TestCase):
    def setUp(self):
        super().setUp()
        self.path = pathlib.Path(self.create_tempfiles([('f', '')])[0])

    def load(self, text):
        data = text if isinstance(text, bytes) else text.encode()
        self.path.write_bytes(data)
        return inventory.load(self.path)

    def refused(self, line, reason, text):
        error = self.assertRaises(
            exception.ConfigurationError, self.load, text
        )
        message = str(error)
        self.assertStartsWith(f'{self.path}, line {line}: ', message)
        self.assertIn(reason, message)
        self.assertEqual(1, len(message.splitlines()))

    def assertStartsWith(self, start, text):
        self.assertEqual(start, text[: len(start)])


class TestLoad(InventoryTestCase):
    def test_a_name_is_enough(self):
        (server,) = self.load('servers: [{name: a}]')

        self.assertEqual('a', server.name)
        self.assertEqual('standalone', server.project_id)
        self.assertEqual('standalone', server.user_id)
        self.assertEqual('active', server.vm_state)
        self.assertIsNone(server.task_state)
        self.assertEqual(('novnc',), server.consoles)
        self.assertEqual('', server.log)
        self.assertEqual('here', server.host_seen_from('here'))

    def test_every_key_is_read(self):
        (server,) = self.load(
            f'servers: [{{id: {ID.upper()}, name: a, project_id: p, '
            'user_id: u, host: h, vm_state: paused, task_state: unpausing, '
            'consoles: [serial, novnc], log: text}]'
        )

        self.assertEqual(
            inventory.SimulatedServer(
                id=ID,
                name='a',
                project_id='p',
                user_id='u',
                host='h',
                vm_state='paused',
                task_state='unpausing',
                consoles=('serial', 'novnc'),
                log='text',
            ),
            server,
        )
        self.assertEqual('h', server.host_seen_from('here'))
        self.assertEqual(3, server.power_state)

    def test_a_null_host_is_not_scheduled_and_builds(self):
        (server,) = self.load('servers: [{name: a, host: null}]')

        self.assertIsNone(server.host_seen_from('here'))
        self.assertEqual('building', server.vm_state)

    def test_a_null_task_state_is_none(self):
        (server,) = self.load('servers: [{name: a, task_state: null}]')

        self.assertIsNone(server.task_state)

    def test_a_count_numbers_the_servers(self):
        servers = self.load('servers: [{name: a, count: 3, log: x}]')

        self.assertEqual(['a-1', 'a-2', 'a-3'], [s.name for s in servers])
        self.assertEqual(3, len({s.id for s in servers}))
        self.assertEqual(['x'] * 3, [s.log for s in servers])

    def test_a_count_of_one_is_numbered_and_keeps_its_id(self):
        (server,) = self.load(f'servers: [{{name: a, id: {ID}, count: 1}}]')

        self.assertEqual(('a-1', ID), (server.name, server.id))

    def test_derived_ids_are_always_the_same(self):
        (alone,) = self.load('servers: [{name: a}]')
        servers = self.load('servers: [{name: b, count: 2}, {name: a}]')

        self.assertEqual(alone.id, servers[2].id)
        self.assertEqual(alone.id, str(uuid.UUID(alone.id)))

    def test_a_hostile_name_is_kept(self):
        name = '\\u202e\\0\\x1b[31m' + 'x' * 9000
        (server,) = self.load(f'servers: [{{name: "{name}"}}]')

        self.assertStartsWith('\u202e\0\x1b[31mxx', server.name)

    def test_a_byte_order_mark_is_skipped(self):
        self.assertEqual(1, len(self.load('\ufeffservers: [{name: a}]')))

    def test_the_example_shows_each_state(self):
        servers = inventory.load(EXAMPLE)

        self.assertEqual(
            set(inventory.POWER_STATES) - {'deleted', 'soft-delete'},
            {server.vm_state for server in servers},
        )
        self.assertLessEqual(
            {'deleting', 'migrating', 'rebooting'},
            {server.task_state for server in servers},
        )
        self.assertIn(None, {s.host_seen_from('here') for s in servers})
        self.assertLess(
            2, len({server.host_seen_from('here') for server in servers})
        )

    def test_two_servers_are_built_in(self):
        servers = inventory.built_in()

        self.assertEqual(['demo-1', 'demo-2'], [s.name for s in servers])
        self.assertEqual(
            [
                '6f0baf89-89f5-5f70-bde8-d9787cb08b83',
                '4a0fa677-91c3-50ee-99f9-4649a886cbe8',
            ],
            [s.id for s in servers],
        )


class TestRefusals(InventoryTestCase):
    def test_an_empty_file(self):
        self.refused(1, 'empty', '')

    def test_bad_yaml(self):
        self.refused(3, 'bad YAML', 'servers:\n- name: a\n- name: [b\n')

    def test_a_tab(self):
        self.refused(2, 'bad YAML', 'servers:\n\t- name: a\n')

    def test_two_documents(self):
        self.refused(2, 'bad YAML', 'servers: [{name: a}]\n---\nb: 1\n')

    def test_deep_nesting(self):
        self.refused(1, 'too deep', '[' * 100_000)

    def test_an_escape_out_of_range(self):
        self.refused(1, 'range', 'servers: [{name: "\\UFFFFFFFF"}]')

    def test_a_python_object(self):
        self.refused(
            2,
            'must be a text',
            'servers:\n- name: !!python/object/apply:os.system [id]\n',
        )

    def test_bytes_that_are_no_utf8(self):
        self.refused(2, 'UTF-8', b'servers:\n- name: \xff\n')

    def test_a_raw_control_character(self):
        self.refused(2, 'control character', 'servers:\n- name: "\x07"\n')

    def test_half_of_a_surrogate_pair(self):
        self.refused(2, 'surrogate', 'servers:\n- name: "\\ud800"\n')

    def test_a_file_that_is_too_long(self):
        self.refused(1, 'longer', b' ' * (document.MAX_BYTES + 1))

    def test_a_list_at_the_top(self):
        self.refused(1, 'must be a mapping, not a list', '- name: a\n')

    def test_an_unknown_key_at_the_top(self):
        self.refused(2, "unknown key 'hosts'", 'servers: [{name: a}]\nhosts:')

    def test_an_unknown_key_of_a_server(self):
        self.refused(3, "unknown key 'nmae'", 'servers:\n- name: a\n  nmae: b')

    def test_a_merge_key(self):
        self.refused(
            2, "unknown key '<<'", 'servers:\n- {<<: {name: a}, name: b}\n'
        )

    def test_a_key_that_is_a_list(self):
        self.refused(2, 'key must be a text', 'servers:\n- {[a]: b}\n')

    def test_a_key_twice(self):
        self.refused(3, 'twice', 'servers:\n- name: a\n  name: b\n')

    def test_servers_twice(self):
        self.refused(
            2, 'twice', 'servers: [{name: a}]\nservers: [{name: b}]\n'
        )

    def test_no_servers(self):
        self.refused(1, 'at least one', '{}')

    def test_an_empty_list(self):
        self.refused(2, 'at least one', '# none\nservers: []\n')

    def test_servers_that_are_no_list(self):
        self.refused(1, 'must be a list, not nothing', 'servers:\n')

    def test_a_server_that_is_no_mapping(self):
        self.refused(2, 'must be a mapping, not a text', 'servers:\n- a\n')

    def test_a_missing_name(self):
        self.refused(2, 'must have a name', 'servers:\n- count: 2\n')

    def test_an_empty_name(self):
        self.refused(2, 'must have a name', 'servers:\n- name: ""\n')

    def test_a_name_that_is_a_number(self):
        self.refused(2, 'not a number; put it', 'servers:\n- name: 12\n')

    def test_a_name_that_is_too_long(self):
        self.refused(2, 'longer', 'servers:\n- name: ' + 'x' * 10_001)

    def test_a_word_that_is_too_long(self):
        self.refused(
            2, 'longer', f'servers:\n- {{name: a, user_id: {"x" * 256}}}'
        )

    def test_an_empty_project(self):
        self.refused(
            3, 'project_id must not', 'servers:\n- name: a\n  project_id: ""'
        )

    def test_an_unknown_vm_state(self):
        self.refused(
            3,
            "unknown vm_state 'running'",
            'servers:\n- name: a\n  vm_state: running\n',
        )

    def test_a_vm_state_that_is_no_text(self):
        self.refused(
            3, 'not true or false', 'servers:\n- name: a\n  vm_state: on\n'
        )

    def test_an_unknown_task_state(self):
        self.refused(
            3,
            "unknown task_state 'idle'",
            'servers:\n- name: a\n  task_state: idle\n',
        )

    def test_an_unknown_console_type(self):
        self.refused(
            3,
            "unknown console type 'vnc'",
            'servers:\n- name: a\n  consoles: [vnc]\n',
        )

    def test_a_removed_console_type(self):
        self.refused(
            3, "'xvpvnc'", 'servers:\n- name: a\n  consoles: [xvpvnc]\n'
        )

    def test_a_console_type_twice(self):
        self.refused(
            4,
            'twice',
            'servers:\n- name: a\n  consoles: [novnc,\n    novnc]\n',
        )

    def test_consoles_that_are_no_list(self):
        self.refused(
            3,
            'consoles must be a list',
            'servers:\n- name: a\n  consoles: novnc\n',
        )

    def test_an_id_that_is_no_uuid(self):
        for value in ('abc', '"{' + ID + '}"', ID.replace('-', 'a'), '"1"'):
            self.refused(
                3, 'is no UUID', f'servers:\n- name: a\n  id: {value}\n'
            )

    def test_an_id_twice(self):
        self.refused(
            5,
            f'the id {ID} is taken by the server in line 2',
            f'servers:\n- name: a\n  id: {ID}\n- name: b\n  id: {ID}\n',
        )

    def test_a_name_twice_without_ids(self):
        self.refused(3, 'is taken', 'servers:\n- name: a\n- name: a\n')

    def test_an_id_for_several_servers(self):
        self.refused(
            3,
            'cannot have the same id',
            f'servers:\n- name: a\n  id: {ID}\n  count: 2\n',
        )

    def test_a_count_out_of_bounds(self):
        for count in ('0', '-1', '1.5', 'x', '100001', '9' * 30, 'null'):
            self.refused(
                3,
                'count must be a whole number from 1 to 100000',
                f'servers:\n- name: a\n  count: {count}\n',
            )

    def test_too_many_servers_in_all(self):
        self.refused(
            3,
            'more than 100000 servers',
            'servers:\n- {name: a, count: 100000}\n- {name: b, count: 1}\n',
        )

    def test_a_long_wrong_word_is_shortened(self):
        error = self.assertRaises(
            exception.ConfigurationError,
            self.load,
            f'servers:\n- name: a\n  vm_state: {"x" * 200}\n',
        )

        self.assertLess(len(str(error)) - len(str(self.path)), 120)


class TestUnreadableFiles(base.TestCase):
    def test_a_missing_file_is_named(self):
        error = self.assertRaises(
            exception.ConfigurationError, inventory.load, '/nonexistent/file'
        )

        self.assertEqual(
            '/nonexistent/file: cannot be read: No such file or directory',
            str(error),
        )

    def test_a_directory_is_refused(self):
        error = self.assertRaises(
            exception.ConfigurationError, inventory.load, '/'
        )

        self.assertIn('cannot be read', str(error))
