# SPDX-License-Identifier: Apache-2.0
"""Where the facts of servers come from."""

import dataclasses
import datetime
from typing import Protocol


@dataclasses.dataclass(frozen=True)
class Server:
    """A server as users know it.

    ``host`` is None until it was scheduled. States have Nova's values;
    ``consoles`` names the console types that the guest has devices for.
    Times are UTC without a zone. ``targets`` is where the agent of the host
    has registered that consoles listen; None where that was not looked up.
    """

    id: str
    name: str
    project_id: str
    user_id: str
    host: str | None
    vm_state: str
    task_state: str | None
    power_state: int
    consoles: tuple[str, ...]
    created_at: datetime.datetime
    updated_at: datetime.datetime
    targets: tuple[str, ...] | None = None


@dataclasses.dataclass(frozen=True)
class ServerQuery:
    """Which servers a list shows; None does not narrow it.

    It shows those of ``project_id``, none where that is missing: only
    ``all_projects`` asks for those of every project. ``name`` is a regular
    expression that is searched for in the name, as Nova does; ``marker`` is
    the id of the last server of the page before.
    """

    limit: int
    marker: str | None = None
    project_id: str | None = None
    all_projects: bool = False
    host: str | None = None
    name: str | None = None
    vm_states: tuple[str, ...] | None = None
    task_states: tuple[str, ...] | None = None


def has_project(owner: str, project_id: str | None) -> bool:
    """Whether a server of ``owner`` is one of this project.

    A missing project has no servers, not even those without an owner.
    """
    return bool(project_id) and owner == project_id


class ServerDirectory(Protocol):
    """Finds servers, of every project: the caller decides who may see them."""

    def get(self, server_id: str) -> Server:
        """The server with this id.

        :raises InstanceNotFound: there is none
        """
        ...

    def list(self, query: ServerQuery) -> list[Server]:
        """A page of servers, the newest first.

        :raises BadRequest: the marker or the name pattern is no good
        """
        ...
