# SPDX-License-Identifier: Apache-2.0
"""Which server a request is about, if its caller may see it."""

import uuid

from console_api import exception
from console_api.api import operation
from console_api.consoles import types
from console_api.policies import remote_consoles as policies
from console_api.servers import directory


def visible_server(
    services: operation.Services, call: operation.Call
) -> directory.Server:
    """The server of the path.

    :raises InstanceNotFound: there is none, or it belongs to another project
        and the caller is no administrator
    """
    wanted = call.params['server_id']
    try:
        server_id = str(uuid.UUID(wanted))
    except ValueError as exc:
        raise exception.InstanceNotFound(wanted[:255]) from exc
    server = services.directory.get(server_id)
    if (
        server.project_id != call.context.project_id
        and not services.policy.is_admin(call.context)
    ):
        raise exception.InstanceNotFound(server_id)
    return server


def is_view_only(
    services: operation.Services, call: operation.Call, project: str | None
) -> bool:
    """Whether the caller may only look at consoles of this project.

    :raises PolicyNotAuthorized: the caller may not even do that
    """
    target = {'project_id': project}
    if services.policy.allows(call.context, policies.RULE, target):
        return False
    if services.policy.allows(call.context, policies.VIEW_ONLY, target):
        return True
    raise exception.PolicyNotAuthorized(policies.RULE)


def check_viewable(console_type: types.ConsoleType) -> None:
    """Return if the input of such a console can be kept from the guest.

    :raises PolicyNotAuthorized: it cannot, so one who may only look gets none
    """
    if not console_type.viewable:
        raise exception.PolicyNotAuthorized(policies.RULE)
