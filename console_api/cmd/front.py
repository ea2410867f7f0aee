# SPDX-License-Identifier: Apache-2.0
"""What the standalone's front page is told."""

from collections.abc import Mapping
from collections.abc import Sequence

from oslo_config import cfg

from console_api.consoles import types
from console_api.servers import directory


class Front:
    """See ``proxy.front.FrontPage``.

    ``api_url`` is set once the API answers.
    """

    def __init__(
        self, conf: cfg.ConfigOpts, servers: directory.ServerDirectory
    ) -> None:
        self._conf = conf
        self._servers = servers
        self.api_url = ''

    def consoles(self) -> Mapping[str, Sequence[str]]:
        """The types that each server has devices for and that are enabled."""
        query = directory.ServerQuery(
            limit=self._conf.api.max_limit, all_projects=True
        )
        return {
            server.id: [name for name in server.consoles if self._is_on(name)]
            for server in self._servers.list(query)
        }

    def _is_on(self, name: str) -> bool:
        row = types.CONSOLE_TYPES[name]
        return bool(self._conf[row.group].enabled)
