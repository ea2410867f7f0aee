# SPDX-License-Identifier: Apache-2.0
"""More clients than can be served create consoles: is the service steady?

Two processes of the API as the sample files have them, RabbitMQ, MariaDB,
conductor and agent are real, the servers simulated. Clients that are refused
come again when ``Retry-After`` says so, or at once (``--hammer``). Prints for
each quarter of the time how many consoles a second were had, how long these
and the refusals took, and what went wrong.
"""

import argparse
import asyncio
from collections import Counter
from collections.abc import Iterator
import contextlib
import dataclasses
import json
import random
import re
import sys
import time
import uuid

from tests.fixtures import bus
from tests.fixtures import databases
from tests.fixtures import deployment

_PROJECT = 'a' * 32
_SERVERS = [str(uuid.UUID(int=number + 1)) for number in range(20)]
_PARTS = 4
#: The pause of a client that hammers, and of one that lost its connection.
_AT_ONCE, _LOST = 0.02, 0.1
_BODY = json.dumps({'remote_console': {'protocol': 'vnc', 'type': 'novnc'}})
_HEAD = f"""POST /v2.1/servers/%s/remote-consoles HTTP/1.1\r
Host: 127.0.0.1\r
X-Auth-Token: alice:{_PROJECT}:member\r
X-OpenStack-Nova-API-Version: 2.6\r
Content-Type: application/json\r
Content-Length: {len(_BODY)}\r
\r
"""


@dataclasses.dataclass(frozen=True)
class Answer:
    """One answer: ``status`` is empty where the connection just ended."""

    began: float
    seconds: float
    status: str
    retry_after: float | None = None
    is_kept: bool = False


def main() -> int:
    """Measure and print; 1 if a request was left without an answer."""
    parser = argparse.ArgumentParser(
        prog='python -m benchmarks.faults.overload', description=__doc__
    )
    parser.add_argument(
        '--server', choices=('uwsgi', 'gunicorn'), default='uwsgi'
    )
    parser.add_argument('--clients', type=int, default=200)
    parser.add_argument('--seconds', type=float, default=120)
    parser.add_argument('--hammer', action='store_true')
    options = parser.parse_args()
    with _services(options.server) as port:
        return asyncio.run(_measure(port, options))


@contextlib.contextmanager
def _services(server: str) -> Iterator[int]:
    servers = [
        {
            'id': name,
            'name': f'server-{name[-2:]}',
            'project_id': _PROJECT,
            'consoles': ['novnc'],
        }
        for name in _SERVERS
    ]
    with contextlib.ExitStack() as stack:
        broker = stack.enter_context(bus.RabbitMQ())
        database = stack.enter_context(databases.MariaDB())
        deployed = deployment.Deployment(
            broker.url,
            database.url,
            servers,
            {'api': {'auth_strategy': 'noauth'}},
            server,
        )
        yield stack.enter_context(deployed).api_port


async def _measure(port: int, options: argparse.Namespace) -> int:
    answers: list[Answer] = []
    began = time.monotonic()
    await asyncio.gather(
        *(_client(port, options, answers) for _ in range(options.clients))
    )
    length = options.seconds / _PARTS
    for number in range(_PARTS):
        start = began + number * length
        part = [a for a in answers if start <= a.began < start + length]
        print(_row(number, part, length), flush=True)
    counts = Counter(answer.status or 'none' for answer in answers)
    print(f'{options.server}: {dict(counts)}')
    return 0 if set(counts) <= {'200', '503'} else 1


def _row(number: int, part: list[Answer], length: float) -> str:
    served = sorted(a.seconds for a in part if a.status == '200')
    refused = sorted(a.seconds for a in part if a.status == '503')
    return (
        f'quarter {number + 1}: {len(served) / length:.0f}/s, p50 '
        f'{_of(served, 0.5):.2f} s, p99 {_of(served, 0.99):.2f} s; '
        f'{len(refused)} refused, p50 {_of(refused, 0.5) * 1000:.0f} ms, '
        f'p99 {_of(refused, 0.99) * 1000:.0f} ms'
    )


def _of(times: list[float], share: float) -> float:
    """The time that this share of them does not exceed."""
    if not times:
        return float('nan')
    return times[min(len(times) - 1, int(share * len(times)))]


async def _client(
    port: int, options: argparse.Namespace, answers: list[Answer]
) -> None:
    end = time.monotonic() + options.seconds
    while time.monotonic() < end:
        pause = _LOST
        async with contextlib.AsyncExitStack() as stack:
            with contextlib.suppress(OSError):
                reader, writer = await asyncio.open_connection(
                    '127.0.0.1', port
                )
                stack.callback(writer.transport.abort)
                pause = await _ask_on(reader, writer, end, answers)
        await asyncio.sleep(_AT_ONCE if options.hammer else pause)


async def _ask_on(
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    end: float,
    answers: list[Answer],
) -> float:
    """Ask while the connection is kept; the pause before the next one."""
    while time.monotonic() < end:
        answer = await _ask(reader, writer)
        answers.append(answer)
        if answer.status != '200' or not answer.is_kept:
            seconds = answer.retry_after
            return 0 if seconds is None else seconds * random.uniform(0.5, 1.5)
    return 0


async def _ask(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> Answer:
    """Create a console of any server."""
    began = time.monotonic()
    try:
        head = _HEAD % random.choice(_SERVERS)
        writer.write((head + _BODY).encode())
        head = (await reader.readuntil(b'\r\n\r\n')).decode('latin-1')
        await reader.readexactly(int(_header(head, 'content-length') or 0))
    except (OSError, asyncio.IncompleteReadError):
        return Answer(began, time.monotonic() - began, '')
    return Answer(
        began,
        time.monotonic() - began,
        head.split()[1],
        _header(head, 'retry-after'),
        not re.search(r'(?im)^connection: close', head),
    )


def _header(head: str, name: str) -> float | None:
    found = re.search(rf'(?im)^{name}: (\d+)', head)
    return None if found is None else float(found[1])


if __name__ == '__main__':
    sys.exit(main())
