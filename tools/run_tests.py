# SPDX-License-Identifier: Apache-2.0
"""Run the checks of this checkout: style, tests, documents.

tools/test starts this with the Python of the virtual environment. The last
line says how many tests passed, failed and were skipped.
"""

import argparse
from collections.abc import Iterator
from collections.abc import Mapping
import contextlib
import dataclasses
import os
from pathlib import Path
import re
import subprocess
import sys
import time

import bootstrap
import subunit
import testtools
import yaml

HOOKS = bootstrap.ROOT / '.pre-commit-config.yaml'
STREAMS = bootstrap.ROOT / '.stestr'
#: What stestr exits with, and records no run, where no test matches.
NOTHING_MATCHES = 1
#: A test in one of these states has failed; the rest have passed or not run.
FAILED = {'fail', 'uxsuccess', 'inprogress', 'unknown'}
#: How much of a failure is repeated at the end.
LAST_LINES = 30
DOCUMENTS = ('doc', 'api-ref', 'releasenotes')
#: How many tests run at once for each core: they wait most of the time, and
#: those of the integration start whole services.
AT_ONCE = 2.0
SERVICES_AT_ONCE = 1.5
#: They share a database server, which takes about 150 connections.
MOST_AT_ONCE = 16


@dataclasses.dataclass
class Report:
    """What has been counted so far; ``problems`` names each broken part."""

    passed: int = 0
    failed: int = 0
    skipped: int = 0
    problems: list[str] = dataclasses.field(default_factory=list)
    reasons: dict[str, int] = dataclasses.field(default_factory=dict)
    #: The last words of each test that failed.
    failures: list[str] = dataclasses.field(default_factory=list)

    def add(self, test: Mapping[str, object]) -> None:
        """Count one test of a subunit stream."""
        status = test['status']
        if status in FAILED:
            self.failed += 1
            self.failures.append(failure_of(test))
        elif status == 'skip':
            self.skipped += 1
            self.skip(reason_of(test))
        elif status in ('success', 'xfail'):
            self.passed += 1

    def skip(self, reason: str) -> None:
        """Remember why something was left out."""
        self.reasons[reason] = self.reasons.get(reason, 0) + 1

    def close(self) -> int:
        """Print the end of the report; the exit status."""
        # Here, where they are found without reading all that came before.
        for failure in self.failures:
            print(failure)
        for reason, count in sorted(self.reasons.items()):
            print(f'skipped ({count}): {reason}')
        if not self.passed and not self.failed:
            self.problems.append('no test ran')
        for problem in self.problems:
            print(f'FAILED: {problem}')
        print(
            f'{self.passed} passed, {self.failed} failed, '
            f'{self.skipped} skipped',
            flush=True,
        )
        return 1 if self.failed or self.problems else 0


def reason_of(test: Mapping[str, object]) -> str:
    """Why a test was skipped, on one line."""
    details = test['details']
    assert isinstance(details, dict)
    if 'reason' not in details:
        return 'no reason given'
    return ' '.join(details['reason'].as_text().split())


def failure_of(test: Mapping[str, object]) -> str:
    """The name of a test that failed, and the end of what it said."""
    details = test['details']
    assert isinstance(details, dict)
    lines = [f'FAILED: {test["id"]}']
    for name, content in details.items():
        if name.startswith(('traceback', 'reason')):
            told = content.as_text().splitlines()
            lines += [f'  {line}' for line in told[-LAST_LINES:]]
    return '\n'.join(lines)


@contextlib.contextmanager
def part(title: str) -> Iterator[None]:
    """Print where we are, and how long it took."""
    print(f'== {title}', flush=True)
    began = time.monotonic()
    yield
    print(f'== {title}: {time.monotonic() - began:.0f} s', flush=True)


def run(*command: str | Path, folder: Path = bootstrap.ROOT) -> int:
    """Run a command of the virtual environment; its exit status."""
    environment = bootstrap.environment()
    # Only a test that fails shows what it logged.
    environment.setdefault('OS_LOG_CAPTURE', '1')
    return subprocess.run(
        command, cwd=folder, env=environment, check=False
    ).returncode


def check_style(report: Report) -> None:
    """Run every hook of pre-commit, without git if need be."""
    if bootstrap.has_git():
        if run('pre-commit', 'run', '--all-files', '--color=never'):
            report.problems.append('style')
        return
    config = yaml.safe_load(HOOKS.read_text(encoding='utf-8'))
    for hook in (hook for repo in config['repos'] for hook in repo['hooks']):
        print(hook['name'], flush=True)
        if run(*hook['entry'].split(), *hook.get('args', ())):
            report.problems.append(f'style: {hook["id"]}')


def runs_so_far() -> int:
    """How many runs stestr has recorded here."""
    counter = STREAMS / 'next-stream'
    return int(counter.read_text()) if counter.exists() else 0


def run_tests(
    report: Report, group: str, wanted: str, for_each_core: float
) -> None:
    """Run the tests below the packages of ``group`` that match ``wanted``."""
    regex = rf'^(?=tests\.({group})\.)(?=.*(?:{wanted}))'
    before = runs_so_far()
    wished = int(len(os.sched_getaffinity(0)) * for_each_core)
    workers = min(max(1, wished), MOST_AT_ONCE)
    at_once = f'--concurrency={workers}'
    status = run('stestr', 'run', '--abbreviate', at_once, regex)
    if runs_so_far() == before:
        print()
        if status != NOTHING_MATCHES:
            report.problems.append(f'{group}: the tests cannot be loaded')
        return
    counted = Report(reasons=report.reasons, failures=report.failures)
    count_last_run(counted)
    report.passed += counted.passed
    report.failed += counted.failed
    report.skipped += counted.skipped
    if status and not counted.failed:
        report.problems.append(f'{group}: stestr exited with {status}')


def count_last_run(report: Report) -> None:
    """Add the tests of stestr's last run to the report."""
    with subprocess.Popen(
        ['stestr', 'last', '--subunit'],
        cwd=bootstrap.ROOT,
        env=bootstrap.environment(),
        stdout=subprocess.PIPE,
    ) as process:
        result = testtools.StreamToDict(report.add)
        result.startTestRun()
        subunit.ByteStreamToStreamResult(process.stdout).run(result)
        result.stopTestRun()


def run_page_tests(report: Report) -> None:
    """Run the tests of the console page and add what node counted."""
    if not bootstrap.has_node():
        leave_out(report, 'the tests of the console page: no Node.js with npm')
        return
    with subprocess.Popen(
        ['npm', 'test'],
        cwd=bootstrap.WEB,
        env=bootstrap.environment() | {'NODE_OPTIONS': ''},
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        counts = {}
        for line in process.stdout:
            print(line, end='', flush=True)
            if match := re.match(r'\S (pass|fail|skipped) (\d+)$', line):
                counts[match[1]] = int(match[2])
    report.passed += counts.get('pass', 0)
    report.failed += counts.get('fail', 0)
    report.skipped += counts.get('skipped', 0)
    if process.returncode and not counts.get('fail'):
        report.problems.append('the tests of the console page')


def build_documents(report: Report) -> None:
    """Build each set of documents; a warning is an error."""
    for name in DOCUMENTS:
        if name == 'releasenotes' and not bootstrap.has_git():
            leave_out(report, 'the release notes: reno needs a git checkout')
            continue
        source = bootstrap.ROOT / name / 'source'
        target = bootstrap.ROOT / name / 'build' / 'html'
        if run('sphinx-build', '-W', '-q', '-E', '-b', 'html', source, target):
            report.problems.append(f'building {name}')


def leave_out(report: Report, what: str) -> None:
    """Note a part that cannot run here; a problem where all is required."""
    if os.environ.get('CONSOLE_API_TEST_REQUIRE') == 'all':
        report.problems.append(what)
    else:
        report.skip(what)


def parse(arguments: list[str]) -> argparse.Namespace:
    """What the command line asks for."""
    parser = argparse.ArgumentParser(
        prog='tools/test',
        description='Run the checks of this checkout.',
        epilog='With CONSOLE_API_TEST_REQUIRE=all in the environment, a real '
        'part that is missing (QEMU, Chromium ...) fails its tests instead '
        'of skipping them.',
    )
    parser.add_argument(
        '--fast',
        action='store_true',
        help='leave out the integration tests and the documents',
    )
    parser.add_argument(
        'regex',
        nargs='?',
        default='',
        help='run the tests whose names it is found in, and nothing else',
    )
    return parser.parse_args(arguments)


def main(arguments: list[str]) -> int:
    """Run what was asked for; 0 if all of it is well."""
    asked = parse(arguments)
    report = Report()
    if not asked.regex:
        with part('style'):
            check_style(report)
    with part('unit, functional and fuzz tests'):
        run_tests(report, 'unit|functional|fuzz', asked.regex, AT_ONCE)
    if not asked.regex:
        with part('tests of the console page'):
            run_page_tests(report)
    if not asked.fast:
        with part('integration tests'):
            run_tests(report, 'integration', asked.regex, SERVICES_AT_ONCE)
    if not (asked.regex or asked.fast):
        with part('documents'):
            build_documents(report)
    return report.close()


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
