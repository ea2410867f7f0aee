# SPDX-License-Identifier: Apache-2.0
"""How often a proxy looks for garbage."""

import subprocess
import sys
import textwrap
import unittest


class HeapTest(unittest.TestCase):
    # In a process of its own: what is frozen stays so.
    SCRIPT = textwrap.dedent(
        """\
        import gc
        from console_api.proxy import heap
        kept = [[number] for number in range(10_000)]
        before, collected = len(gc.get_objects()), gc.get_stats()[0]
        heap.settle()
        late = [[number] for number in range(10_000)]
        print(gc.get_freeze_count() > 10_000, len(gc.get_objects()) < before)
        print(gc.get_stats()[0] == collected)
        """
    )

    def run_script(self) -> list[str]:
        done = subprocess.run(
            [sys.executable, '-W', 'ignore', '-c', self.SCRIPT],
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        )
        return done.stdout.splitlines()

    def test_what_is_loaded_is_left_out_of_later_looks(self) -> None:
        self.assertEqual('True True', self.run_script()[0])

    def test_ten_thousand_new_objects_cause_no_look(self) -> None:
        self.assertEqual('True', self.run_script()[1])
