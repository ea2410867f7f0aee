# SPDX-License-Identifier: Apache-2.0

from console_api.db import api
from tests import base
from tests.fixtures import source

_SCALING = source.ROOT / 'doc' / 'source' / 'admin' / 'scaling.rst'
#: Beside those for requests: for the health check, and for the purge.
_ONE_MORE = 1


class ConnectionsTest(base.TestCase):
    """The guide counts connections with the numbers of the code."""

    def setUp(self) -> None:
        super().setUp()
        api.register_opts(self.conf)
        self.kept = self.conf.database.max_pool_size
        self.more = self.conf.database.max_overflow
        self.guide = ' '.join(_SCALING.read_text(encoding='utf-8').split())

    def test_guide_has_the_defaults(self) -> None:
        self.assertIn(
            '``[database] max_pool_size`` and ``max_overflow`` together, '
            f'{self.kept} and {self.more} unless set',
            self.guide,
        )

    def test_guide_adds_them_up_for_conductors(self) -> None:
        most = self.kept + self.more + _ONE_MORE
        self.assertIn(
            f'for the conductors 4 x 2 x {most} at the worst', self.guide
        )

    def test_guide_counts_the_requests_of_an_api_process(self) -> None:
        most = self.conf.api.max_requests + _ONE_MORE
        self.assertIn(f'need 4 x 2 x {most} for the API', self.guide)
