# SPDX-License-Identifier: Apache-2.0
"""What the proxy takes from the configuration."""

import math
import os
import resource

from console_api import exception
from console_api.proxy import origin
from console_api.proxy import settings
from tests import base


class SettingsTest(base.TestCase):
    def test_deadlines_are_those_of_the_configuration(self) -> None:
        self.config(
            group='proxy',
            handshake_timeout=1,
            authority_timeout=2,
            connect_timeout=3,
            negotiation_timeout=4,
        )
        loaded = settings.load(self.conf)
        self.assertEqual(
            (1, 2, 3, 4),
            (
                loaded.handshake_timeout,
                loaded.authority_timeout,
                loaded.connect_timeout,
                loaded.negotiation_timeout,
            ),
        )

    def test_nobody_may_take_all_sessions_by_default(self) -> None:
        most = settings.load(self.conf).most
        for limit in (
            most.per_server,
            most.per_client,
            most.handshakes_per_client,
        ):
            self.assertLess(limit, math.inf)

    def test_limits_are_within_the_descriptors_of_the_process(self) -> None:
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        few = len(os.listdir('/proc/self/fd')) + 200
        self.addCleanup(
            resource.setrlimit, resource.RLIMIT_NOFILE, (soft, hard)
        )
        resource.setrlimit(resource.RLIMIT_NOFILE, (few, hard))
        self.assertEqual(few // 4, settings.load(self.conf).most.per_client)

    def test_addresses_that_users_are_sent_to_are_own_origins(self) -> None:
        self.config(
            group='vnc', novncproxy_base_url='https://console/vnc_auto.html'
        )
        own = settings.load(self.conf).own_origins
        self.assertIn(origin.Origin('https', 'console', 443), own)

    def test_listed_origins_are_allowed(self) -> None:
        self.config(group='console', allowed_origins=['https://dash'])
        loaded = settings.load(self.conf)
        self.assertIn(origin.Origin('https', 'dash', 443), loaded.origins)
        self.assertEqual(1, len(loaded.allowed_origins))

    def test_what_is_no_origin_names_the_option(self) -> None:
        self.config(group='console', allowed_origins=['*'])
        with self.assertRaises(exception.ConfigurationError) as caught:
            settings.load(self.conf)
        self.assertIn('allowed_origins', str(caught.exception))
