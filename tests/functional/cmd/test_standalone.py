# SPDX-License-Identifier: Apache-2.0
"""The standalone service as a newcomer meets it on the terminal."""

import os
import pathlib
import re
import signal
import socket
import subprocess
import sys
import urllib.request

import fixtures

from console_api import version
from tests import base
from tests.fixtures import standalone


def run(*options: str) -> subprocess.CompletedProcess[str]:
    """The service started with options that it should refuse."""
    return subprocess.run(
        standalone.command(*options),
        capture_output=True,
        text=True,
        timeout=standalone.PATIENCE,
        check=False,
    )


class RunningTest(base.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.service = self.useFixture(standalone.Standalone('--driver=fake'))

    def test_says_where_it_listens_and_what_it_found(self) -> None:
        facts = self.service.facts
        self.assertIn(facts['api_url'], self.service.printed)
        self.assertIn(facts['proxy_url'], self.service.printed)
        for server in facts['servers']:
            self.assertIn(server['id'], self.service.printed)

    def test_describes_itself_once_it_answers(self) -> None:
        facts = self.service.facts
        self.assertEqual(self.service.process.pid, facts['pid'])
        self.assertEqual(
            ['demo-1', 'demo-2'], [s['name'] for s in facts['servers']]
        )
        self.assertTrue(pathlib.Path(facts['clouds_yaml']).is_file())
        for url in (facts['api_url'], facts['proxy_url'] + '/vnc_lite.html'):
            with urllib.request.urlopen(url, timeout=30) as answer:
                self.assertEqual(200, answer.status)

    def test_prints_a_console_url_that_is_good(self) -> None:
        token = self.service.printed.split('%3Ftoken%3D')[1].split()[0]
        answer = self.service.call(
            'GET', f'/os-console-auth-tokens/{token}', version='2.31'
        )
        self.assertEqual(
            self.service.server_id('demo-1'),
            answer['console']['instance_uuid'],
        )

    def test_prints_a_page_for_each_console(self) -> None:
        blocks = self.service.printed.split('\n\n')
        for server in self.service.facts['servers']:
            (block,) = [b for b in blocks if server['id'] in b]
            pages = re.findall(
                r'^    (\w+) +http://\S+/(\w+)', block, re.MULTILINE
            )
            self.assertEqual(
                [('VNC', 'vnc_auto'), ('serial', 'serial')], pages
            )

    def test_prints_a_serial_console_url_that_is_good(self) -> None:
        token = self.service.printed.split('/serial.html?token=')[1].split()[0]
        answer = self.service.call(
            'GET', f'/os-console-auth-tokens/{token}', version='2.31'
        )
        address = answer['console']['host'], answer['console']['port']
        with socket.create_connection(address, 30) as line:
            line.sendall(b'hostname\r')
            shown = b''
            while b'hostname\r\ndemo-1\r\n' not in shown:
                part = line.recv(1000)
                self.assertNotEqual(b'', part)
                shown += part

    def test_serves_what_the_serial_console_printed_as_the_log(self) -> None:
        answer = self.service.call(
            'POST',
            f'/servers/{self.service.server_id("demo-1")}/action',
            {'os-getConsoleOutput': {'length': 1}},
        )
        self.assertEqual('demo-1 has booted\n', answer['output'])

    def test_prints_nothing_to_worry_about(self) -> None:
        self.assertNotIn('Warning', self.service.printed)
        self.assertNotIn('Traceback', self.service.printed)

    def test_ends_at_ctrl_c(self) -> None:
        self.assertEqual(0, self.service.stop(signal.SIGINT))
        self.assertFalse((self.service.state / 'standalone.json').exists())
        self.assertNotIn('Traceback', self.service.printed)

    def test_ends_at_sigterm(self) -> None:
        self.assertEqual(0, self.service.stop(signal.SIGTERM))

    def test_logs_no_console_token(self) -> None:
        url = self.service.console_url(self.service.server_id('demo-1'))
        token = url.rsplit('%3D', 1)[1]
        self.service.call(
            'GET', f'/os-console-auth-tokens/{token}', version='2.31'
        )
        self.service.stop()
        self.assertIn('/os-console-auth-tokens/***', self.service.log)
        self.assertNotIn(token, self.service.log)

    def test_refuses_to_share_its_state_directory(self) -> None:
        second = run(f'--state-dir={self.service.state}', '--driver=fake')
        self.assertEqual(1, second.returncode)
        self.assertIn('another service runs', second.stderr)
        self.assertTrue((self.service.state / 'standalone.json').exists())


class VersionTest(base.TestCase):
    def test_tells_its_version(self) -> None:
        done = run('--version')
        self.assertEqual(0, done.returncode)
        self.assertEqual(version.version_string(), done.stdout.strip())


class InventoryTest(base.TestCase):
    def test_servers_without_an_agent_are_listed_with_the_reason(self) -> None:
        directory = self.useFixture(fixtures.TempDir()).path
        inventory = pathlib.Path(directory) / 'servers.yaml'
        inventory.write_text(
            'servers:\n'
            '  - {name: up}\n'
            '  - {name: waiting, host: null}\n'
            '  - {name: halted, vm_state: stopped}\n'
            '  - {name: away, host: elsewhere}\n'
            '  - {name: headless, consoles: []}\n'
            '  - {name: full, consoles: [webmks, spice-html5, spice-direct]}\n'
        )
        service = self.useFixture(
            standalone.Standalone(f'--inventory={inventory}')
        )
        names = [server['name'] for server in service.facts['servers']]
        self.assertEqual(
            ['away', 'full', 'halted', 'headless', 'up', 'waiting'], names
        )
        self.assertIn('did not answer', service.printed)
        self.assertIn('It offers no console', service.printed)
        self.assertIn('/spice_auto.html?token=', service.printed)
        self.assertIn('/spice-direct?token=', service.printed)
        self.assertNotIn('webmks', service.printed)
        self.assertIn('is not ready', service.printed)
        self.assertIn('vm_state stopped', service.printed)


class NoPillowTest(base.TestCase):
    def test_says_what_to_install(self) -> None:
        state = pathlib.Path(self.useFixture(fixtures.TempDir()).path) / 's'
        result = subprocess.run(
            [
                sys.executable,
                '-c',
                'import sys; sys.modules["PIL"] = None; '
                'from console_api.cmd import standalone; '
                'sys.exit(standalone.main(sys.argv[1:]))',
                f'--state-dir={state}',
                '--api-port=0',
                '--proxy-port=0',
                '--driver=fake',
            ],
            capture_output=True,
            text=True,
            timeout=standalone.PATIENCE,
            check=False,
        )
        self.assertEqual(1, result.returncode, result.stderr)
        self.assertEqual(1, result.stderr.count('\n'), result.stderr)
        self.assertIn('needs Pillow: pip install', result.stderr)


class RefusalTest(base.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.directory = self.useFixture(fixtures.TempDir()).path
        self.state = f'--state-dir={self.directory}/state'

    def refused(self, *options: str) -> str:
        """The one line with which the options are refused."""
        result = run(self.state, *options)
        self.assertEqual(1, result.returncode, result.stderr)
        self.assertEqual(1, result.stderr.count('\n'), result.stderr)
        return result.stderr

    def taken_port(self) -> int:
        """A port that something else listens on."""
        listener = socket.create_server(('127.0.0.1', 0))
        self.addCleanup(listener.close)
        port: int = listener.getsockname()[1]
        return port

    def test_api_port_in_use(self) -> None:
        port = self.taken_port()
        line = self.refused(
            f'--api-port={port}', '--proxy-port=0', '--driver=fake'
        )
        self.assertIn(f'the API cannot listen on 127.0.0.1 port {port}', line)
        self.assertIn('--api-port', line)

    def test_proxy_port_in_use(self) -> None:
        port = self.taken_port()
        line = self.refused(
            f'--proxy-port={port}', '--api-port=0', '--driver=fake'
        )
        self.assertIn(f'cannot listen on 127.0.0.1 port {port}', line)
        self.assertIn('--proxy-port', line)

    def test_state_directory_that_is_a_file(self) -> None:
        path = pathlib.Path(self.directory) / 'state'
        path.write_text('')
        self.assertIn('state directory', self.refused('--driver=fake'))

    def test_state_directory_that_others_write_to(self) -> None:
        path = pathlib.Path(self.directory) / 'state'
        victim = pathlib.Path(self.directory) / 'victim'
        victim.write_text('precious')
        path.mkdir()
        # Where the service would write its file for clients.
        (path / 'clouds.yaml.new').symlink_to(victim)
        for mode in (0o777, 0o1777, 0o770):
            path.chmod(mode)
            line = self.refused('--driver=fake')
            self.assertIn('others may write to the state directory', line)
        self.assertEqual('precious', victim.read_text())

    def test_state_directory_of_somebody_else(self) -> None:
        if os.geteuid() != 0:
            self.skipTest('only root gives directories away')
        path = pathlib.Path(self.directory) / 'state'
        path.mkdir(mode=0o700)
        os.chown(path, 65534, 65534)
        self.assertIn('others may write', self.refused('--driver=fake'))

    def test_state_directory_that_cannot_be_entered(self) -> None:
        if os.geteuid() == 0:
            # Root may enter everything but what is no directory.
            self.state = '--state-dir=/proc/1/console'
        else:
            os.chmod(self.directory, 0)
            self.addCleanup(os.chmod, self.directory, 0o700)
        self.assertIn('state directory', self.refused('--driver=fake'))

    def test_unknown_driver(self) -> None:
        line = self.refused('--driver=xen')
        self.assertIn("unknown driver 'xen'", line)
        self.assertIn('auto, libvirt, fake', line)

    def test_address_that_others_can_reach(self) -> None:
        line = self.refused('--host=0.0.0.0', '--driver=fake')
        self.assertIn('will not listen on 0.0.0.0', line)

    def test_bad_inventory_names_the_line(self) -> None:
        inventory = pathlib.Path(self.directory) / 'servers.yaml'
        inventory.write_text('servers:\n  - name: a\n    vm_state: odd\n')
        line = self.refused(
            f'--inventory={inventory}', '--api-port=0', '--proxy-port=0'
        )
        self.assertIn(f'{inventory}, line 3: ', line)
        self.assertIn("unknown vm_state 'odd'", line)

    def test_inventory_for_the_other_driver(self) -> None:
        line = self.refused('--driver=libvirt', '--inventory=x.yaml')
        self.assertIn('--driver fake', line)

    def test_libvirt_that_cannot_be_reached(self) -> None:
        line = self.refused(
            '--driver=libvirt',
            '--api-port=0',
            '--proxy-port=0',
            '--libvirt-uri=qemu+unix:///system?socket=/nowhere',
        )
        self.assertIn('libvirt', line)
