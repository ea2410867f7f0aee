# SPDX-License-Identifier: Apache-2.0
"""RabbitMQ fails and comes back: when are consoles to be had again?

It is killed, stopped, or blocked by its alarm of memory; clients create
consoles all the while (``load``), or come when it is back (``idle``). All is
real, of one host each. Prints for each fault when the first console was had
after the end of the fault, and when the last request was sent that was
refused.
"""

import argparse
from collections import Counter
import dataclasses
import sys
import time
import unittest

from tests.fixtures import databases
from tests.fixtures import deployment
from tests.fixtures import private
from tests.integration.cloud.faults import harness

_RECOVERED = 10.0
#: Longer than this nobody waits for the service, in seconds.
_PATIENCE = 90.0


@dataclasses.dataclass(frozen=True)
class Fault:
    """What is done to the bus, and for how many seconds."""

    kind: str
    seconds: float

    def begin(self, bus: private.RabbitMQ) -> None:
        """Do it."""
        {'stop': bus.freeze, 'alarm': bus.alarm, 'kill': bus.kill}[self.kind]()

    def end(self, bus: private.RabbitMQ) -> None:
        """Undo it."""
        {'stop': bus.thaw, 'alarm': bus.calm, 'kill': bus.start}[self.kind]()


FAULTS = {
    'kill': Fault('kill', 5),
    'stop20': Fault('stop', 20),
    'stop50': Fault('stop', 50),
    'alarm25': Fault('alarm', 25),
    'alarm70': Fault('alarm', 70),
}


def main() -> int:
    """Measure and print; 1 if something took more than ten seconds."""
    parser = argparse.ArgumentParser(
        prog='python -m benchmarks.faults.bus', description=__doc__
    )
    parser.add_argument(
        '--faults', nargs='+', choices=FAULTS, default=list(FAULTS)
    )
    parser.add_argument('--rounds', type=int, default=1)
    measure = _Measure(parser.parse_args())
    result = unittest.TextTestRunner(verbosity=0).run(measure)
    return 0 if result.wasSuccessful() else 1


class _Measure(harness.FaultsTestCase):
    """A test, for the sake of what the harness can do."""

    def __init__(self, options: argparse.Namespace) -> None:
        super().__init__('measure')
        self._options = options

    def measure(self) -> None:
        self.bus = self.useFixture(private.RabbitMQ())
        database = self.useFixture(databases.MariaDB())
        self.deploy(self.bus.url, database.url)
        slowest = max(
            self._measure(name, loaded)
            for _ in range(self._options.rounds)
            for name in self._options.faults
            for loaded in (True, False)
        )
        self.assertLessEqual(slowest, _RECOVERED)

    def _measure(self, name: str, loaded: bool) -> float:
        """Print one row; when the last request was refused, in seconds."""
        fault, load = FAULTS[name], harness.Load(self.create)
        if loaded:
            load.__enter__()
            load.wait_for(200)
        fault.begin(self.bus)
        time.sleep(fault.seconds)
        health = deployment.call(f'{self.service.root}/healthcheck').status
        fault.end(self.bus)
        back = time.monotonic()
        if not loaded:
            load.__enter__()
        self._wait(load, back)
        load.__exit__()
        after = [a for a in load.answers if a.ended > back]
        first = min(
            (a.ended - back for a in after if a.status == 200),
            default=float('inf'),
        )
        last = max(
            (a.began - back for a in after if a.status != 200), default=0.0
        )
        counts = Counter(a.status for a in load.answers)
        print(
            f'{name:8} {"load" if loaded else "idle"}: first console '
            f'{first:.1f} s, last refused {max(last, 0.0):.1f} s; answers '
            f'{dict(counts)}, slowest '
            f'{max(a.seconds for a in load.answers):.1f} s; /healthcheck '
            f'{health} before the end',
            flush=True,
        )
        return max(first, last)

    def _wait(self, load: harness.Load, back: float) -> None:
        """Return once nothing from the fault is under way any more."""
        settled = harness.DEADLINE + harness.MARGIN
        while time.monotonic() < back + _PATIENCE:
            time.sleep(0.25)
            answers = list(load.answers)
            last = max(
                (a.began for a in answers if a.status != 200), default=back
            )
            if any(a.began > max(last, back) + settled for a in answers):
                return


if __name__ == '__main__':
    sys.exit(main())
