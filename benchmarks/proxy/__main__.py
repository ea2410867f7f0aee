# SPDX-License-Identifier: Apache-2.0
"""Measure the proxy, with websockify and HAProxy beside it in one run.

The load comes from load.c, so a C compiler is needed. Everything listens on
loopback and ends with the benchmark. What is measured has one processor to
itself and the load has the others, where there are two at least; what depends
on the time is measured in rounds, of which the median counts.
"""

import argparse
import os
import pathlib
import platform
import resource
import subprocess
import sys
import tempfile

from benchmarks.proxy import measure
from benchmarks.proxy import report
from benchmarks.proxy import secure
from benchmarks.proxy import subjects

_SOURCE = pathlib.Path(__file__).with_name('load.c')
_SUBJECTS = {
    'console_api': (subjects.ours, measure.FULL),
    'websockify': (subjects.websockify, measure.FORKING),
    'haproxy': (subjects.haproxy, measure.FULL),
}


def main() -> int:
    """Measure and print; 1 if a goal was missed."""
    options = _options()
    _raise_limits()
    with tempfile.TemporaryDirectory() as name:
        results = _run(options, pathlib.Path(name))
    print(report.table(results))
    if options.json:
        options.json.write_text(report.as_json(results, _machine()) + '\n')
    if options.svg:
        report.draw(results, options.svg)
    missed = [
        row for row in report.ROWS if report.judge(row, results).met is False
    ]
    return 1 if missed else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog='python -m benchmarks.proxy', description=__doc__
    )
    names = [function.__name__ for function in measure.ALL]
    add = parser.add_argument
    add('--only', nargs='+', choices=names, help='these measurements')
    add('--subjects', nargs='+', choices=[*_SUBJECTS], default=[*_SUBJECTS])
    add('--rounds', type=int, default=3, help='of what depends on the time')
    add('--json', type=pathlib.Path, metavar='FILE', help='write it there too')
    add('--svg', type=pathlib.Path, metavar='FILE', help='draw it there')
    return parser.parse_args()


def _raise_limits() -> None:
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    count = subjects.most()
    if count < 10000:
        print(f'{most} descriptors are allowed: {count} sessions of 10,000')


def _run(
    options: argparse.Namespace, folder: pathlib.Path
) -> dict[str, measure.Figures]:
    program = folder / 'load'
    subprocess.run(
        ['cc', '-O2', '-pthread', '-o', str(program), str(_SOURCE)], check=True
    )
    processor = _share_processors()
    names = _installed(options.subjects, folder)
    results: dict[str, measure.Figures] = {name: {} for name in names}
    with subjects.backend(program) as backend:
        place = subjects.Place(backend, folder, processor)
        for function in measure.ALL:
            if options.only and function.__name__ not in options.only:
                continue
            count = options.rounds if function in measure.REPEATED else 1
            rounds = [
                _round(function, names, program, place) for _ in range(count)
            ]
            for name in names:
                found = measure.medians([one[name] for one in rounds])
                results[name].update(found)
    return results


def _round(
    function: measure.Measurement,
    names: list[str],
    program: pathlib.Path,
    place: subjects.Place,
) -> dict[str, measure.Figures]:
    """One measurement of all: the machine's mood changes with time.

    Each has a process of its own, for memory that an earlier measurement has
    left would be used again.
    """
    found: dict[str, measure.Figures] = {}
    for name in names:
        print(f'{function.__name__}: {name}', file=sys.stderr)
        start, effort = _SUBJECTS[name]
        running = start(place)
        if function is measure.secure:
            running = secure.secured(start, place)
        with running as subject:
            if subject is None:
                print('TLS is not measured: that takes haproxy')
                found[name] = {}
                continue
            bench = measure.Bench(program, subject, effort)
            measure.warm_up(bench)
            found[name] = function(bench)
    return found


def _share_processors() -> int | None:
    """Leave one to what is measured; None if there is only one."""
    first, *others = sorted(os.sched_getaffinity(0))
    if not others:
        return None
    os.sched_setaffinity(0, others)
    return first


def _installed(names: list[str], folder: pathlib.Path) -> list[str]:
    found = []
    for name in names:
        with _SUBJECTS[name][0](subjects.Place(0, folder)) as subject:
            if subject is None:
                print(f'{name} is not installed: left out')
            else:
                found.append(name)
    return found


def _machine() -> dict[str, str]:
    return {
        'processors': str(os.cpu_count()),
        'system': f'{platform.system()} {platform.release()}',
        'python': platform.python_version(),
    }


if __name__ == '__main__':
    sys.exit(main())
