# SPDX-License-Identifier: Apache-2.0
"""Find servers: read only, with the facts that are known here."""

from collections.abc import Callable
from collections.abc import Mapping
import hashlib
from typing import Any

from oslo_utils import strutils

from console_api import exception
from console_api.api import access
from console_api.api import operation
from console_api.api.schemas import parameters
from console_api.api.schemas import servers as schemas
from console_api.policies import servers as policies
from console_api.servers import directory
from console_api.servers import status

_View = Callable[[operation.Call, directory.Server, bool], dict[str, Any]]


class ServersController:
    """``/servers``."""

    def __init__(self, services: operation.Services) -> None:
        self._services = services

    @operation.faults(
        exception.InstanceNotFound, exception.PolicyNotAuthorized
    )
    @operation.operation(
        '2.1', query=parameters.ANY_QUERY, response=schemas.SHOW_RESPONSE
    )
    def show(self, call: operation.Call) -> Mapping[str, Any]:
        """Show one server."""
        server = access.to_show(self._services, call)
        admin = self._services.policy.is_admin(call.context)
        return {'server': _detail(call, server, admin)}

    @operation.faults(exception.PolicyNotAuthorized)
    @operation.operation(
        '2.1', query=schemas.LIST_QUERY, response=schemas.INDEX_RESPONSE
    )
    def index(self, call: operation.Call) -> Mapping[str, Any]:
        """List servers by id and name."""
        return self._page(call, policies.INDEX, policies.INDEX_ALL, _reference)

    @operation.faults(exception.PolicyNotAuthorized)
    @operation.operation(
        '2.1', query=schemas.LIST_QUERY, response=schemas.DETAIL_RESPONSE
    )
    def detail(self, call: operation.Call) -> Mapping[str, Any]:
        """List servers with all that is known of them."""
        return self._page(call, policies.DETAIL, policies.DETAIL_ALL, _detail)

    def _page(
        self, call: operation.Call, rule: str, rule_all: str, view: _View
    ) -> Mapping[str, Any]:
        authorize = self._services.policy.authorize_own
        authorize(call.context, rule)
        everybody = _flag(call.query.get('all_tenants'))
        if everybody:
            authorize(call.context, rule_all)
        admin = self._services.policy.is_admin(call.context)
        limit = min(
            int(call.query.get('limit') or self._services.conf.api.max_limit),
            self._services.conf.api.max_limit,
        )
        found = self._services.directory.list(
            _query(call, limit, everybody, admin)
        )
        answer = {'servers': [view(call, s, admin) for s in found]}
        if found and len(found) == limit:
            answer['servers_links'] = [
                {
                    'rel': 'next',
                    'href': call.links.next_page(call.query, found[-1].id),
                }
            ]
        return answer


def _flag(value: str | None) -> bool:
    # ``?all_tenants`` without a value means yes, as in Nova.
    return value is not None and strutils.bool_from_string(value or '1')


def _query(
    call: operation.Call, limit: int, everybody: bool, admin: bool
) -> directory.ServerQuery:
    states: tuple[str, ...] | None = None
    tasks: tuple[str, ...] | None = None
    if 'status' in call.query:
        states, tasks = status.states_of(call.query['status'])
    return directory.ServerQuery(
        limit=limit,
        marker=call.query.get('marker'),
        project_id=call.context.project_id,
        all_projects=everybody,
        host=call.query.get('host') if admin else None,
        name=call.query.get('name'),
        vm_states=states,
        task_states=tasks,
    )


def _reference(
    call: operation.Call,
    server: directory.Server,
    admin: bool,  # noqa: ARG001 - the signature of a view
) -> dict[str, Any]:
    path = f'servers/{server.id}'
    return {
        'id': server.id,
        'name': server.name,
        'links': [
            {'rel': 'self', 'href': call.links.resource(path)},
            {'rel': 'bookmark', 'href': call.links.bookmark(path)},
        ],
    }


def _detail(
    call: operation.Call, server: directory.Server, admin: bool
) -> dict[str, Any]:
    view = {
        **_reference(call, server, admin),
        'status': status.status_of(server.vm_state, server.task_state),
        'tenant_id': server.project_id,
        'user_id': server.user_id,
        'hostId': _host_id(server),
        # Neither is known here. Clients look into both: without an image is
        # how Nova shows a server that was booted from a volume.
        'image': '',
        'flavor': {},
        'created': f'{server.created_at.isoformat()}Z',
        'updated': f'{server.updated_at.isoformat()}Z',
        'metadata': {},
        'addresses': {},
        'OS-EXT-STS:vm_state': server.vm_state,
        'OS-EXT-STS:task_state': server.task_state,
        'OS-EXT-STS:power_state': server.power_state,
    }
    if admin:
        view['OS-EXT-SRV-ATTR:host'] = server.host
    return view


def _host_id(server: directory.Server) -> str:
    # Tells one project whether two of its servers share a host, and nobody
    # which one it is.
    if server.host is None:
        return ''
    text = server.project_id + server.host
    return hashlib.sha224(text.encode()).hexdigest()
