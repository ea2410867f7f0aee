# SPDX-License-Identifier: Apache-2.0
"""What a database is good for, whatever is wrong with it."""

from collections.abc import Sequence

from oslo_config import cfg
from oslo_db import exception as db_exception
import sqlalchemy

from console_api import exception
from console_api.db import agents
from console_api.db import api
from console_api.db import migration

#: An address that is no good, a driver that is missing, and all that the
#: database may answer; oslo.db wraps some of it, and not while it connects.
_TROUBLE = (
    db_exception.CantStartEngineError,
    db_exception.DBError,
    exception.DomainError,
    ImportError,
    sqlalchemy.exc.SQLAlchemyError,
)


class TroubleError(Exception):
    """There is no answer; the message is one line that says why."""


def version(conf: cfg.ConfigOpts) -> str | None:
    """The version of the schema; None before the first sync.

    :raises TroubleError: the database is away, or is none
    """
    api.register_opts(conf)
    if not conf.database.connection:
        raise TroubleError('[database] connection is not set')
    try:
        return migration.current(api.Database(conf))
    except _TROUBLE as exc:
        raise TroubleError(_line(exc)) from exc


def known_agents(conf: cfg.ConfigOpts) -> Sequence[agents.AgentRecord]:
    """The agents that have reported.

    :raises TroubleError: there is no such table, or no database
    """
    try:
        with api.Database(conf).reader() as connection:
            return agents.every(connection)
    except _TROUBLE as exc:
        raise TroubleError(_line(exc)) from exc


def _line(exc: BaseException) -> str:
    # The driver's own words, without the statement and its values.
    cause = exc.__cause__ if isinstance(exc, exception.DomainError) else exc
    cause = getattr(cause, 'inner_exception', None) or cause or exc
    text = str(getattr(cause, 'orig', None) or cause).strip()
    return text.splitlines()[0] if text else type(cause).__name__
