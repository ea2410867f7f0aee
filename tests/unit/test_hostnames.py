# SPDX-License-Identifier: Apache-2.0
"""What a host may be called."""

from console_api import hostnames
from console_api import rpc
from tests import base

#: What is in the rights of the host ``a`` on the bus, in some of its queues.
FOREIGN = ('a.:agent', 'a:b', 'a_fanout', 'a.b_fanout', 'a_fanout_a:x')
ODD = (
    *('', ' ', 'a ', ' a', 'a\n', 'a b', 'a\u00a0', 'ä', 'a' * 201),
    *('.', 'a.', '.a', 'a..b', '-a', '_a', 'a/b', 'a*', '#', 'a.#', 'a.*'),
    *('::1', '2001:db8::1', 'a%b', 'a,b', 'a\0', 'a\\b', '\u0661'),
)


class NameTest(base.TestCase):
    def test_names_that_hosts_have(self) -> None:
        for name in (
            *('a', '1', 'compute-1', 'compute_1', 'A1.Example', 'a-.b'),
            *('10.0.0.31', 'a' * 200, 'xn--bcher-kva.example'),
            'a_fanout.example',
        ):
            with self.subTest(name):
                self.assertTrue(hostnames.is_valid(name))
                self.assertEqual(
                    f'console_agent.{name}', rpc.agent_topic(name)
                )

    def test_names_that_reach_into_the_queues_of_a_host(self) -> None:
        for name in FOREIGN:
            with self.subTest(name):
                self.assertFalse(hostnames.is_valid(name))
                self.assertRaises(ValueError, rpc.agent_topic, name)

    def test_what_is_no_name(self) -> None:
        for name in (*ODD, None, 7, ['a'], b'a'):
            with self.subTest(name=name):
                self.assertFalse(hostnames.is_valid(name))
