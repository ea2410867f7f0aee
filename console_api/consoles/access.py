# SPDX-License-Identifier: Apache-2.0
"""What a caller may do with one server, decided by that server's project.

The use cases take these instead of a server, so that none of them can be
reached without a decision: ``api.access`` makes them by policy. No policy is
loaded here, for a conductor has none.
"""

import dataclasses

from console_api.servers import directory


@dataclasses.dataclass(frozen=True)
class ConsoleAccess:
    """A server whose consoles are open to a caller, to look at or in full.

    ``rule`` is the one that refused more to who may only look.
    """

    server: directory.Server
    view_only: bool
    rule: str = ''


@dataclasses.dataclass(frozen=True)
class OutputAccess:
    """A server whose output a caller may read."""

    server: directory.Server


def of_operator(server: directory.Server) -> ConsoleAccess:
    """Full access without a policy: for whoever runs the service itself."""
    return ConsoleAccess(server, view_only=False)
