# SPDX-License-Identifier: Apache-2.0
"""The targets of the fuzzer, driven by hypothesis."""

import unittest

import hypothesis
from hypothesis import strategies as st

from tests.fuzz import targets

_SETTINGS = hypothesis.settings(deadline=None, max_examples=200)
_inputs = st.builds(
    lambda cuts, start, rest: cuts + start + rest,
    st.lists(st.integers(0, 20), min_size=4, max_size=4).map(bytes),
    st.sampled_from(targets.STARTS),
    st.binary(max_size=400),
)


class TargetsTest(unittest.TestCase):
    @_SETTINGS
    @hypothesis.given(_inputs)
    def test_any_bytes_at_any_parser(self, data: bytes) -> None:
        for target in targets.ALL.values():
            target(data)

    def test_every_target_says_what_it_reads(self) -> None:
        for target in targets.ALL.values():
            self.assertTrue(target.__doc__)
