# SPDX-License-Identifier: Apache-2.0
"""Tests of the libvirt driver where libvirt-python is not installed."""

import fixtures

from console_api import exception
from console_api.virt import driver as virt_driver
from console_api.virt.libvirt import driver
from tests import base


class NotInstalledTest(base.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.useFixture(
            fixtures.MonkeyPatch(
                'console_api.virt.libvirt.connection.libvirt', None
            )
        )

    def test_loading_says_in_one_line_what_to_install(self) -> None:
        error = self.assertRaises(
            exception.ConfigurationError,
            virt_driver.load,
            self.conf,
            'libvirt',
        )
        self.assertIn('console-api[libvirt]', str(error))
        self.assertNotIn('\n', str(error))

    def test_probe_says_what_to_install(self) -> None:
        self.assertIn('console-api[libvirt]', driver.probe(self.conf) or '')
