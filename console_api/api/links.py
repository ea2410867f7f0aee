# SPDX-License-Identifier: Apache-2.0
"""Absolute URLs in answers."""

from collections.abc import Mapping
from urllib import parse

import webob


class LinkBuilder:
    """Builds links for the address under which the client sees the service.

    That is ``[api] compute_link_prefix`` or, without one, the address of the
    request, which http_proxy_to_wsgi has corrected by ``X-Forwarded-*``.

    ``mount`` is what the service itself put into the script name:
    ``/v2.1``, or nothing. A ``project_id`` is given where the path of the
    request has one, and then the links have it too.
    """

    def __init__(
        self,
        request: webob.Request,
        prefix: str | None,
        mount: str,
        project_id: str | None = None,
    ) -> None:
        root = request.application_url.removesuffix(mount)
        self._root = (prefix or root).rstrip('/')
        self._path = request.path_info
        self._project = f'{parse.quote(project_id)}/' if project_id else ''

    def root(self, path: str) -> str:
        """The URL of a path of the whole service: ``v2.1/``."""
        return f'{self._root}/{path}'

    def resource(self, path: str) -> str:
        """The URL of a path below ``v2.1``."""
        return self.root(f'v2.1/{self._project}{path}')

    def bookmark(self, path: str) -> str:
        """The URL of a path without a version."""
        return self.root(f'{self._project}{path}')

    def next_page(self, query: Mapping[str, str], marker: str) -> str:
        """This list again, from the server after ``marker`` on."""
        wanted = parse.urlencode({**query, 'marker': marker})
        path = parse.quote(self._path.lstrip('/'))
        return f'{self.root(f"v2.1/{path}")}?{wanted}'
