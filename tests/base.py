# SPDX-License-Identifier: Apache-2.0
"""Base classes of the tests."""

import inspect
import logging
import unittest

import fixtures
from oslo_config import cfg
from oslo_config import fixture as config_fixture
from oslotest import base

from console_api import conf as console_conf


class TestCase(base.BaseTestCase):
    """A test with the service's options registered and reset afterwards.

    Coroutine tests are refused: testtools reports them as passed without
    running them.
    """

    def setUp(self) -> None:
        method = getattr(self, self._testMethodName)
        if inspect.iscoroutinefunction(method):
            raise TypeError(f'{self.id()}: use AsyncTestCase')
        super().setUp()
        console_conf.register_opts(cfg.CONF)
        self.cfg = self.useFixture(config_fixture.Config(cfg.CONF))
        self.conf = self.cfg.conf
        self.conf([], project='console_api', default_config_files=[])

    def config(self, group: str | None = None, **values: object) -> None:
        """Override options of one group until the test ends."""
        self.cfg.config(group=group, **values)


class AsyncTestCase(
    fixtures.TestWithFixtures, unittest.IsolatedAsyncioTestCase
):
    """A test whose methods are coroutines; no test may run for a minute.

    What is logged meanwhile does not reach the output of the run.
    """

    def setUp(self) -> None:
        super().setUp()
        self.useFixture(fixtures.FakeLogger(level=logging.INFO))
