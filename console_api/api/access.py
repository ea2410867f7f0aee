# SPDX-License-Identifier: Apache-2.0
"""Which server a request is about, and what its caller may do with it.

A controller gets a server of a path from here alone, after its rule was asked.
"""

import re

from console_api import exception
from console_api import policy
from console_api.api import operation
from console_api.consoles import access
from console_api.policies import console_output as output_policies
from console_api.policies import remote_consoles as console_policies
from console_api.policies import servers as server_policies
from console_api.servers import directory

#: As Nova has them: 8-4-4-4-12 digits in either case, and nothing else that
#: Python's UUID takes.
_SERVER_ID = re.compile(
    '[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}', re.ASCII | re.IGNORECASE
)


def to_console(
    services: operation.Services, call: operation.Call
) -> access.ConsoleAccess:
    """The server of the path, and whether its consoles may only be looked at.

    :raises InstanceNotFound: the caller sees no such server
    :raises PolicyNotAuthorized: the caller gets no console of it
    """
    server = _visible_server(services, call)
    target = {'project_id': server.project_id}
    if services.policy.allows(call.context, console_policies.RULE, target):
        return access.ConsoleAccess(server, view_only=False)
    if services.policy.allows(
        call.context, console_policies.VIEW_ONLY, target
    ):
        return access.ConsoleAccess(server, True, console_policies.RULE)
    raise exception.PolicyNotAuthorized(console_policies.RULE)


def check_own_consoles(
    services: operation.Services, call: operation.Call
) -> None:
    """Return if the caller may have consoles in the caller's own project.

    It says nothing about a server; ``to_console`` does.

    :raises PolicyNotAuthorized: not even to look at
    """
    own = policy.own_target(call.context)
    rules = (console_policies.RULE, console_policies.VIEW_ONLY)
    if not any(
        services.policy.allows(call.context, rule, own) for rule in rules
    ):
        raise exception.PolicyNotAuthorized(console_policies.RULE)


def to_output(
    services: operation.Services, call: operation.Call
) -> access.OutputAccess:
    """The server of the path, if the caller may read its output.

    :raises InstanceNotFound: the caller sees no such server
    :raises PolicyNotAuthorized: the caller may not
    """
    return access.OutputAccess(
        _authorized(services, call, output_policies.RULE)
    )


def to_show(
    services: operation.Services, call: operation.Call
) -> directory.Server:
    """The server of the path, if the caller may be shown it.

    :raises InstanceNotFound: the caller sees no such server
    :raises PolicyNotAuthorized: the caller may not
    """
    return _authorized(services, call, server_policies.SHOW)


def _authorized(
    services: operation.Services, call: operation.Call, rule: str
) -> directory.Server:
    server = _visible_server(services, call)
    services.policy.authorize(
        call.context, rule, {'project_id': server.project_id}
    )
    return server


def _visible_server(
    services: operation.Services, call: operation.Call
) -> directory.Server:
    wanted = call.params['server_id']
    if _SERVER_ID.fullmatch(wanted) is None:
        raise exception.InstanceNotFound(wanted[:255])
    server = services.directory.get(wanted.lower())
    if not (
        directory.has_project(server.project_id, call.context.project_id)
        or services.policy.is_admin(call.context)
    ):
        raise exception.InstanceNotFound(server.id)
    return server
