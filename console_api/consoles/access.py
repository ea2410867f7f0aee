# SPDX-License-Identifier: Apache-2.0
"""What a caller may do with one server, decided by that server's project.

The use cases take what is made here instead of a server, so that none of them
can be reached without a decision. Nothing else makes these objects.
"""

import dataclasses

from console_api import context as console_context
from console_api import exception
from console_api import policy as console_policy
from console_api.policies import console_output
from console_api.policies import remote_consoles
from console_api.servers import directory


@dataclasses.dataclass(frozen=True)
class ConsoleAccess:
    """A server whose consoles are open to a caller, to look at or in full."""

    server: directory.Server
    view_only: bool


@dataclasses.dataclass(frozen=True)
class OutputAccess:
    """A server whose output a caller may read."""

    server: directory.Server


def to_console(
    policy: console_policy.Policy,
    context: console_context.RequestContext,
    server: directory.Server,
) -> ConsoleAccess:
    """What the caller may have of the consoles of this server.

    :raises PolicyNotAuthorized: nothing
    """
    target = {'project_id': server.project_id}
    if policy.allows(context, remote_consoles.RULE, target):
        return ConsoleAccess(server, view_only=False)
    if policy.allows(context, remote_consoles.VIEW_ONLY, target):
        return ConsoleAccess(server, view_only=True)
    raise exception.PolicyNotAuthorized(remote_consoles.RULE)


def to_output(
    policy: console_policy.Policy,
    context: console_context.RequestContext,
    server: directory.Server,
) -> OutputAccess:
    """The caller may read what this server wrote.

    :raises PolicyNotAuthorized: that is not so
    """
    policy.authorize(
        context, console_output.RULE, {'project_id': server.project_id}
    )
    return OutputAccess(server)


def of_operator(server: directory.Server) -> ConsoleAccess:
    """Full access without a policy: for whoever runs the service itself."""
    return ConsoleAccess(server, view_only=False)
