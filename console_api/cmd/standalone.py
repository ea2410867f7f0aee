# SPDX-License-Identifier: Apache-2.0
"""console-api-standalone: everything in one process, for a laptop.

It listens on loopback only, because nobody has to log in.
"""

import argparse
from collections.abc import Sequence
import os
import pathlib
import sys

from oslo_config import cfg

from console_api import exception
from console_api import service
from console_api import version
from console_api.api import auth
from console_api.cmd import composition
from console_api.cmd import state

_DRIVERS = ('auto', 'libvirt', 'fake')

#: What a user calls the consoles; others go by their type's name.
_LABELS = {
    'novnc': 'VNC',
    'serial': 'serial',
    'spice-html5': 'SPICE',
    'spice-direct': '.vv',
}

#: Servers that are printed one by one; more are counted.
_SHOWN = 20


def main(argv: Sequence[str] | None = None) -> int:
    """Serve until Ctrl-C or SIGTERM."""
    options = _parser().parse_args(argv)
    return service.run(lambda: _main(options))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog='standalone',
        description='Run the console API, an agent, the conductor and the '
        'console proxy in one process, for this machine only.',
    )
    add = parser.add_argument
    add('--version', action='version', version=version.version_string())
    add(
        '--state-dir',
        type=pathlib.Path,
        default=pathlib.Path('.state'),
        metavar='DIR',
        help='where the database, the log and clouds.yaml go (.state)',
    )
    add(
        '--host',
        default='127.0.0.1',
        metavar='ADDRESS',
        help='the loopback address to listen on (127.0.0.1)',
    )
    add('--api-port', type=_port, default=8774, metavar='PORT', help='8774')
    add('--proxy-port', type=_port, default=6080, metavar='PORT', help='6080')
    _add_driver_options(parser)
    return parser


def _add_driver_options(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add(
        '--driver',
        default='auto',
        metavar='|'.join(_DRIVERS),
        help='libvirt: the guests of this machine; fake: simulated servers; '
        'auto: libvirt if guests are running, else fake (auto)',
    )
    add(
        '--libvirt-uri',
        default='qemu:///system',
        metavar='URI',
        help='the libvirt to connect to (qemu:///system)',
    )
    add(
        '--inventory',
        type=pathlib.Path,
        metavar='FILE',
        help='a YAML file of servers to simulate; implies --driver fake',
    )


def _port(text: str) -> int:
    port = int(text)
    if not 0 <= port <= 65535:
        raise ValueError(text)
    return port


def _main(options: argparse.Namespace) -> None:
    _check(options)
    with state.StateDir(options.state_dir) as directory:
        conf = cfg.CONF
        service.prepare(conf, [], files=False)
        composition.configure(conf, options, directory)
        service.start_logging(conf)
        why = composition.choose_driver(conf, options)
        running = composition.Standalone(
            conf, options.host, options.api_port, options.proxy_port
        )
        try:
            running.start()
            _tell(running, directory, why)
            service.wait_for_signal()
        finally:
            directory.withdraw()
            running.stop()
    print('\nstopped')


def _check(options: argparse.Namespace) -> None:
    if options.driver not in _DRIVERS:
        raise exception.ConfigurationError(
            f'unknown driver {options.driver!r}: choose one of '
            f'{", ".join(_DRIVERS)}'
        )
    if options.inventory is not None and options.driver == 'libvirt':
        raise exception.ConfigurationError(
            '--inventory describes simulated servers: use --driver fake'
        )
    if not auth.is_loopback(options.host):
        raise exception.ConfigurationError(
            f'will not listen on {options.host}: without authentication the '
            'service is for this machine only; use 127.0.0.1 or ::1'
        )


def _tell(
    running: composition.Standalone, directory: state.StateDir, why: str
) -> None:
    servers = running.servers()
    print(f'Open     {running.proxy_url}/')
    print(f'API      {running.api_url}')
    print(f'Driver   {why}')
    print(f'Log      {directory.log_file}')
    print(f'\n{len(servers)} servers; their URLs are good for 10 minutes:')
    for server in servers[:_SHOWN]:
        print(f'\n  {_printable(server.name)}  {server.id}')
        consoles = running.consoles(server)
        for kind, url in consoles.urls.items():
            print(f'    {_LABELS.get(kind, kind):<7} {url}')
        if not consoles.urls:
            print(f'    {consoles.problem}')
    if len(servers) > _SHOWN:
        print(f'\n  ... and {len(servers) - _SHOWN} more')
    clouds = os.path.relpath(directory.clouds_file)
    if clouds.startswith('..'):
        clouds = str(directory.clouds_file)
    print('\nA new URL at any time, with the OpenStack client:\n')
    print(
        f'  OS_CLIENT_CONFIG_FILE={clouds} openstack --os-cloud standalone '
        'console url show NAME'
    )
    print('\nCtrl-C ends it.', flush=True)
    # Who waits for this file can read all of the above.
    directory.publish(
        running.api_url,
        running.proxy_url,
        [(server.id, server.name) for server in servers],
    )


def _printable(name: str) -> str:
    # A guest's name must not steer the terminal.
    shown = ''.join(c if c.isprintable() else '?' for c in name[:60])
    return shown.encode(sys.stdout.encoding or 'ascii', 'replace').decode(
        sys.stdout.encoding or 'ascii'
    )


if __name__ == '__main__':
    sys.exit(main())
