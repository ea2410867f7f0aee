# SPDX-License-Identifier: Apache-2.0
"""Hours of bad days for the proxy: does anything of them stay behind?

Clients and guests that work, look on, stall, flood, break off and talk
nonsense come and go at random, at one proxy with TLS and one without. Between
two rounds all of them are gone: then the proxies must have the tasks and
descriptors that they had after the first round, and their memory must not
climb.
"""

import argparse
import asyncio
import collections
from collections.abc import Sequence
import contextlib
import dataclasses
import json
import pathlib
import random
import ssl
import statistics
import sys
import tempfile
import time

from benchmarks.proxy import churn
from benchmarks.proxy import secure
from benchmarks.proxy import subjects
from console_api.proxy import heap

#: Rounds whose memory is not looked at: pools and caches fill up.
_WARM_UP = 3
#: KiB by which the last third may lie above the first one.
MOST_GROWTH = 1024
#: Seconds within which the proxy must have let go of every session.
_PATIENCE = 60.0


@dataclasses.dataclass(frozen=True)
class Sample:
    """What the proxies hold while nobody is connected."""

    tasks: int
    descriptors: int
    memory: float


def main() -> int:
    """Soak and print; 1 if something has leaked or went wrong."""
    options = _options()
    with tempfile.TemporaryDirectory() as name:
        samples, done = asyncio.run(_soak(options, pathlib.Path(name)))
    for what, count in sorted(done.items()):
        print(f'{count:8} {what}')
    problems = judge(samples)
    problems += [f'no client could {w}' for w in churn.WORK if not done[w]]
    if done[churn.WRONG]:
        problems.append(f'{done[churn.WRONG]} sessions carried wrong bytes')
    for problem in problems:
        print(f'FAILED: {problem}')
    if options.json:
        rows = [dataclasses.asdict(sample) for sample in samples]
        options.json.write_text(json.dumps({'samples': rows, 'done': done}))
    print('leaks' if problems else 'nothing has leaked')
    return 1 if problems else 0


def judge(samples: Sequence[Sample]) -> list[str]:
    """What has leaked between the first sample and the last, in words."""
    first, last = samples[0], samples[-1]
    problems = [
        f'{name}: {before} at first, {after} at the end'
        for name, before, after in (
            ('tasks', 0, last.tasks),
            ('descriptors', first.descriptors, last.descriptors),
        )
        if after > before
    ]
    settled = [sample.memory for sample in samples[_WARM_UP:]]
    if len(settled) >= 3:
        third = len(settled) // 3
        growth = statistics.median(settled[-third:]) - statistics.median(
            settled[:third]
        )
        print(f'memory grew by {growth:.0f} KiB between first and last third')
        if growth > MOST_GROWTH:
            problems.append(f'memory: {growth:.0f} KiB more')
    return problems


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog='python -m benchmarks.proxy.soak', description=__doc__
    )
    add = parser.add_argument
    add('--minutes', type=float, default=30.0, help='how long (default 30)')
    add('--round', type=float, default=30.0, help='seconds between samples')
    add('--clients', type=int, default=40, help='at once (default 40)')
    add('--seed', type=int, default=None, help='the same day once more')
    add('--json', type=pathlib.Path, metavar='FILE', help='write it there too')
    return parser.parse_args()


async def _soak(
    options: argparse.Namespace, folder: pathlib.Path
) -> tuple[list[Sample], collections.Counter[str]]:
    seed = options.seed if options.seed is not None else time.time_ns()
    print(f'seed {seed}', file=sys.stderr)
    chance = random.Random(seed)
    done: collections.Counter[str] = collections.Counter()
    samples: list[Sample] = []
    guests = churn.Guests(chance)
    async with guests.listening() as port:
        with contextlib.ExitStack() as stack:
            proxies = _proxies(stack, subjects.Place(port, folder))
            found = tuple(proxies.values())
            end = time.monotonic() + options.minutes * 60
            while time.monotonic() < end or not samples:
                stop = min(end, time.monotonic() + options.round)
                clients = churn.Clients(tuple(proxies), chance, stop, done)
                await clients.run(options.clients)
                await guests.leave()
                samples.append(await _settled(found, samples))
                _show(samples[-1], done)
    return samples, done


def _proxies(
    stack: contextlib.ExitStack, place: subjects.Place
) -> dict[churn.Door, subjects.Subject]:
    """A proxy without TLS and one with it, and the ways to them."""
    plain = stack.enter_context(subjects.ours(place))
    # The certificate is made for this run, and nobody else listens there.
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    folder = place.folder / 'tls'
    folder.mkdir()
    place = dataclasses.replace(
        place,
        folder=folder,
        certificate=secure.certificate(folder),
        origin='https://127.0.0.1',
    )
    secured = stack.enter_context(subjects.ours(place))
    return {
        churn.Door(plain.port): plain,
        churn.Door(secured.port, context): secured,
    }


async def _settled(
    proxies: Sequence[subjects.Subject], before: Sequence[Sample]
) -> Sample:
    """A sample once the sessions are gone, or when that takes too long."""
    end = time.monotonic() + _PATIENCE
    # Then the proxies give back what they do not need.
    await asyncio.sleep(heap.PAUSE)
    while True:
        await asyncio.sleep(0.5)
        now = await asyncio.to_thread(_sample, proxies)
        most = before[0].descriptors if before else now.descriptors
        is_quiet = now.tasks == 0 and now.descriptors <= most
        if is_quiet or time.monotonic() > end:
            return now


def _sample(proxies: Sequence[subjects.Subject]) -> Sample:
    held = 0
    for proxy in proxies:
        try:
            held += len(list(pathlib.Path(f'/proc/{proxy.pid}/fd').iterdir()))
        except OSError as exc:
            raise RuntimeError('a proxy has ended') from exc
    return Sample(
        sum(proxy.tasks() for proxy in proxies),
        held,
        sum(proxy.own() for proxy in proxies),
    )


def _show(sample: Sample, done: collections.Counter[str]) -> None:
    print(
        f'{sum(done.values()):8} sessions; {sample.tasks} tasks, '
        f'{sample.descriptors} descriptors, {sample.memory:.0f} KiB',
        file=sys.stderr,
        flush=True,
    )


if __name__ == '__main__':
    sys.exit(main())
