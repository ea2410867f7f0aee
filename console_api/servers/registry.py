# SPDX-License-Identifier: Apache-2.0
"""The directory of servers that agents report, in the service's database."""

from console_api import exception
from console_api.db import agents as db_agents
from console_api.db import api as db_api
from console_api.db import names as db_names
from console_api.db import servers as db_servers
from console_api.servers import directory

#: Names are 255 characters at the most; a pattern has a little more to say.
_LONGEST_PATTERN = 1000


class Registry:
    """A ``ServerDirectory`` over the table of reported servers."""

    def __init__(self, database: db_api.Database) -> None:
        self._database = database

    def get(self, server_id: str) -> directory.Server:
        """The server with this id.

        :raises InstanceNotFound: it is not registered
        """
        with self._database.reader() as connection:
            found = db_servers.find(connection, server_id)
        if found is None:
            raise exception.InstanceNotFound(server_id)
        return _server(*found)

    def list(self, query: directory.ServerQuery) -> list[directory.Server]:
        """A page of servers, the newest first.

        :raises BadRequest: the marker or the name pattern is no good
        """
        if len(query.name or '') > _LONGEST_PATTERN:
            raise _bad_pattern(str(query.name))
        wanted = db_servers.ServerFilter(
            project_id=query.project_id,
            all_projects=query.all_projects,
            host=query.host,
            name=query.name,
            vm_states=query.vm_states,
            task_states=query.task_states,
        )
        with self._database.reader() as connection:
            after = None
            if query.marker is not None:
                after = db_servers.get(connection, query.marker)
                # Where another project's server would be in the list is not
                # for this caller either.
                if after is None or not (
                    query.all_projects
                    or directory.has_project(
                        after.project_id, query.project_id
                    )
                ):
                    raise exception.BadRequest(
                        f'marker [{query.marker[:255]}] not found'
                    )
            try:
                records = db_servers.page(
                    connection, wanted, after, query.limit
                )
            except db_names.PatternError as exc:
                raise _bad_pattern(str(query.name)) from exc
            except db_names.CostlyError as exc:
                raise exception.BadRequest(
                    'Invalid filter name: the search for this regular '
                    'expression takes too long here. Ask for a part of the '
                    'name, or for fewer servers by another filter.'
                ) from exc
        return [_server(record) for record in records]


def _bad_pattern(pattern: str) -> exception.BadRequest:
    return exception.BadRequest(
        f'Invalid filter name: {pattern[:255]!r} is not a regular expression.'
    )


def _server(
    record: db_servers.ServerRecord, addresses: str | None = None
) -> directory.Server:
    values = vars(record) | {
        'consoles': tuple(filter(None, record.consoles.split(',')))
    }
    targets = None if addresses is None else db_agents.addresses(addresses)
    return directory.Server(**values, targets=targets)
