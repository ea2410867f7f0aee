# SPDX-License-Identifier: Apache-2.0
"""Connecting to consoles."""

import asyncio
import pathlib
import socket
import subprocess
import sys
import textwrap
import unittest

from console_api.proxy import target
from tests import base

ROOT = pathlib.Path(__file__).parents[3]


class ThreadsTest(unittest.TestCase):
    """A session must not wait for a thread, nor start one."""

    SCRIPT = textwrap.dedent(
        """\
        import asyncio
        import os
        import socket
        import sys

        from console_api.consoles import targets
        from console_api.proxy import readbuffer
        from console_api.proxy import server
        from console_api.proxy import target

        async def main(port):
            buffer = readbuffer.ReadBuffer()
            await target.connect(
                '127.0.0.1', port, buffer, 30.0, targets.Boundary()
            )
            print(len(os.listdir('/proc/self/task')))

        factory = server.new_event_loop
        if sys.argv[1] == 'asyncio':
            factory = asyncio.new_event_loop
        with socket.create_server(('127.0.0.1', 0)) as listener:
            with asyncio.Runner(loop_factory=factory) as runner:
                runner.run(main(listener.getsockname()[1]))
        """
    )

    def test_address_in_numbers_is_reached_without_a_thread(self) -> None:
        for loop in ('asyncio', 'uvloop'):
            done = subprocess.run(
                [sys.executable, '-W', 'ignore', '-c', self.SCRIPT, loop],
                cwd=ROOT,
                capture_output=True,
                text=True,
                timeout=120,
                check=True,
            )
            self.assertEqual('1\n', done.stdout)


class AttemptTest(base.AsyncTestCase):
    async def test_attempt_that_is_given_up_leaves_no_socket(self) -> None:
        # A full backlog drops the connection request.
        with socket.create_server(('127.0.0.1', 0), backlog=0) as full:
            fillers = [socket.socket() for _ in range(4)]
            for filler in fillers:
                filler.setblocking(False)
                filler.connect_ex(full.getsockname())
            before = self.descriptors()
            attempt = asyncio.ensure_future(
                target._attempt((socket.AF_INET, full.getsockname()))
            )
            await asyncio.sleep(0)
            self.assertEqual(before + 1, self.descriptors())
            attempt.cancel()
            await asyncio.wait([attempt])
            self.assertEqual(before, self.descriptors())
            for filler in fillers:
                filler.close()

    @staticmethod
    def descriptors() -> int:
        return len(list(pathlib.Path('/proc/self/fd').iterdir()))
