# SPDX-License-Identifier: Apache-2.0
"""Which calls without an answer are in the log."""

import logging

import fixtures
from oslo_config import cfg
import oslo_messaging
from oslo_messaging import conffixture

from console_api import rpc
from console_api import silence
from tests import base


class SilenceLogTest(base.TestCase):
    def setUp(self) -> None:
        super().setUp()
        bus = self.useFixture(conffixture.ConfFixture(cfg.CONF))
        bus.transport_url = 'fake:///console'
        cfg.CONF.set_override('rpc_exchange', 'amq.topic')
        transport = rpc.get_transport(cfg.CONF)
        self.addCleanup(transport.cleanup)
        self.log = self.useFixture(fixtures.FakeLogger(level=logging.WARNING))
        self.now = 0.0
        self.silence = silence.SilenceLog(transport, lambda: self.now)

    def warn(self, host: str = 'here') -> list[str]:
        """The lines that one more call without an answer makes."""
        before = len(self.log.output.splitlines())
        self.silence.warn(
            f'the agent of {host}',
            f'console_agent.{host}',
            oslo_messaging.MessagingTimeout(),
        )
        return list(self.log.output.splitlines()[before:])

    def test_line_names_what_both_sides_share(self) -> None:
        (line,) = self.warn()
        self.assertIn('No answer of the agent of here (MessagingTimeout', line)
        self.assertIn(
            'topic console_agent.here, exchange amq.topic, virtual host '
            'console.',
            line,
        )

    def test_topic_is_named_again_after_seconds(self) -> None:
        self.warn()
        self.now = 9.9
        self.assertEqual([[], []], [self.warn(), self.warn()])
        self.now = 10.0
        (line,) = self.warn()
        self.assertIn('2 more calls', line)
        self.now = 20.0
        (line,) = self.warn()
        self.assertIn('0 more calls', line)

    def test_each_topic_is_named(self) -> None:
        self.warn('here')
        self.assertEqual(1, len(self.warn('there')))
