# SPDX-License-Identifier: Apache-2.0
"""Where the API's time goes: processor time of its thread, by stage.

Conductor and agent run in other threads, over the bus inside the process, and
are not counted. A clock around each stage costs a few microseconds.
"""

import argparse
from collections.abc import Callable
from collections.abc import Iterator
import contextlib
import dataclasses
import functools
import sys
import time
from typing import Any
from urllib import parse

from oslo_log import log as logging
import webob

from console_api import policy
from console_api.agent import rpcapi
from console_api.api import dispatch
from console_api.api import middleware
from console_api.api import validation
from console_api.db import tokens as db_tokens
from console_api.servers import registry
from tests.fixtures import service

#: Stage -> the calls that belong to it. None of them contains another.
STAGES: dict[str, tuple[tuple[Any, str], ...]] = {
    'routing': ((dispatch.Dispatcher, '_route'),),
    'body and schemas': (
        (dispatch, '_read_body'),
        (validation.Schema, 'check'),
        (validation.Schema, 'mismatch'),
    ),
    'find the server': ((registry.Registry, 'get'),),
    'policy': ((policy.Policy, 'authorize'), (policy.Policy, 'is_admin')),
    'call of the agent': (
        (rpcapi.AgentAPI, 'get_console'),
        (rpcapi.AgentAPI, 'confirm_console'),
    ),
    'token in the database': ((db_tokens, 'add'), (db_tokens, 'get')),
    'render': ((dispatch, 'render'),),
    'request log': ((middleware.LOG, 'info'),),
}
REST = 'filters, transactions and the rest'
SERVER = '00000000-0000-4000-8000-000000000001'


@dataclasses.dataclass
class Clock:
    """Processor time of one thread by stage, in seconds."""

    spent: dict[str, float] = dataclasses.field(
        default_factory=lambda: dict.fromkeys(STAGES, 0.0)
    )
    running: bool = False

    def around(
        self, stage: str, function: Callable[..., Any]
    ) -> Callable[..., Any]:
        """The function, with its time added to the stage."""

        @functools.wraps(function)
        def timed(*args: Any, **kwargs: Any) -> Any:
            if self.running:
                # Part of a call that is timed already.
                return function(*args, **kwargs)
            self.running = True
            began = time.thread_time()
            try:
                return function(*args, **kwargs)
            finally:
                self.spent[stage] += time.thread_time() - began
                self.running = False

        return timed


@contextlib.contextmanager
def timed(clock: Clock) -> Iterator[None]:
    """Time the stages of this process until the context ends."""
    with contextlib.ExitStack() as stack:
        for stage, calls in STAGES.items():
            for owner, name in calls:
                function = getattr(owner, name)
                setattr(owner, name, clock.around(stage, function))
                stack.callback(setattr, owner, name, function)
        yield


def main() -> int:
    """Print the stages of a create and of a look-up."""
    parser = argparse.ArgumentParser(
        prog='python -m benchmarks.api.stages', description=__doc__
    )
    parser.add_argument('--requests', type=int, default=200)
    count = parser.parse_args().requests
    with service.Service(api={'response_validation': 'warn'}) as running:
        running.conf.set_override(
            'log_file', str(running.directory / 'service.log')
        )
        logging.setup(running.conf, 'benchmark')
        create = (
            'POST',
            f'/v2.1/servers/{SERVER}/remote-consoles',
            {'remote_console': {'protocol': 'vnc', 'type': 'novnc'}},
        )
        answer = _send(running, create)
        url = parse.unquote(answer.json['remote_console']['url'])
        token = url.rpartition('token=')[2]
        lookup = ('GET', f'/v2.1/os-console-auth-tokens/{token}', None)
        for name, request in (('create', create), ('token', lookup)):
            _report(name, running, request, count)
    return 0


def _send(
    running: service.Service, request: tuple[str, str, Any]
) -> webob.Response:
    answer = running.call(*request, token=service.ADMIN, version='2.99')
    if answer.status_int != 200:
        raise RuntimeError(answer.text)
    return answer


def _report(
    name: str,
    running: service.Service,
    request: tuple[str, str, Any],
    count: int,
) -> None:
    for _ in range(20):
        _send(running, request)
    clock = Clock()
    with timed(clock):
        began = time.thread_time()
        for _ in range(count):
            _send(running, request)
        total = time.thread_time() - began
    clock.spent[REST] = total - sum(clock.spent.values())
    print(f'{name}: {total / count * 1e3:.2f} ms')
    for stage, seconds in clock.spent.items():
        share = seconds / total
        print(f'  {seconds / count * 1e3:6.2f} ms {share:5.0%}  {stage}')


if __name__ == '__main__':
    sys.exit(main())
