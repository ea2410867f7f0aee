# SPDX-License-Identifier: Apache-2.0
"""The figures of agents and conductors, and the page that lists them."""

from tests import base
from tests.fixtures import service
from tests.fixtures import source

PAGE = source.ROOT / 'doc' / 'source' / 'admin' / 'monitoring.rst'


class MetricsPageTest(base.TestCase):
    def test_each_figure_is_on_the_page(self) -> None:
        running = self.useFixture(service.Service())
        page = PAGE.read_text(encoding='utf-8')
        seen = 0
        for told in (running.agent.telemetry, running.conductor.telemetry):
            for metric in told.registry.collect():
                if not metric.name.startswith(told.prefix):
                    continue
                name = metric.name
                if metric.type == 'counter':
                    name += '_total'
                seen += 1
                self.assertIn(f'``{name}``', page)
        self.assertGreater(seen, 8)
