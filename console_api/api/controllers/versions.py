# SPDX-License-Identifier: Apache-2.0
"""Which versions of the API are served; open to everybody."""

from collections.abc import Mapping
from typing import Any

from console_api.api import links
from console_api.api import microversion
from console_api.api import operation
from console_api.api.schemas import parameters
from console_api.api.schemas import versions as schemas

_MEDIA_TYPE = {
    'base': 'application/json',
    'type': 'application/vnd.openstack.compute+json;version=2.1',
}


class VersionsController:
    """The document of this version, at the root of a project."""

    def __init__(self, services: operation.Services) -> None:
        self._services = services

    @operation.operation(
        '2.1', query=parameters.ANY_QUERY, response=schemas.SHOW_RESPONSE
    )
    def show(self, call: operation.Call) -> Mapping[str, Any]:
        """Show what this version of the API is."""
        return show(call.links)


def index(link_builder: links.LinkBuilder) -> Mapping[str, Any]:
    """Every version, the oldest first."""
    return {
        'versions': [_legacy(link_builder), _current(link_builder)],
    }


def show(link_builder: links.LinkBuilder) -> Mapping[str, Any]:
    """The version that is served, in full."""
    return {
        'version': {
            **_current(link_builder),
            'media-types': [_MEDIA_TYPE],
        }
    }


def _current(link_builder: links.LinkBuilder) -> dict[str, Any]:
    return {
        'id': 'v2.1',
        'status': 'CURRENT',
        'version': str(microversion.MAX_VERSION),
        'min_version': str(microversion.MIN_VERSION),
        'updated': '2013-07-23T11:33:21Z',
        'links': [{'rel': 'self', 'href': link_builder.root('v2.1/')}],
    }


def _legacy(link_builder: links.LinkBuilder) -> dict[str, Any]:
    # Clients expect to find it in the list; nothing answers under it.
    return {
        'id': 'v2.0',
        'status': 'DEPRECATED',
        'version': '',
        'min_version': '',
        'updated': '2011-01-21T11:33:21Z',
        'links': [{'rel': 'self', 'href': link_builder.root('v2/')}],
    }
