# SPDX-License-Identifier: Apache-2.0
"""console-api-manage: tools for the operator."""

import argparse
from collections.abc import Callable
import json
import logging
import sys
from typing import Any

from oslo_config import cfg

from console_api import exception
from console_api import service
from console_api.api import microversion
from console_api.api import openapi
from console_api.cmd import output
from console_api.cmd import records
from console_api.db import api as db_api
from console_api.db import checks
from console_api.db import limits
from console_api.db import migration

#: A word that nobody has used for so long is in too many places.
_MOST_HOURS = 30 * 24


def main() -> int:
    """Run one command."""
    return service.run(_main)


def _main() -> None:
    cfg.CONF.register_cli_opt(
        cfg.SubCommandOpt('category', title='commands', handler=_add_commands)
    )
    service.prepare(cfg.CONF, sys.argv[1:])
    # What a command prints is read by other programs.
    cfg.CONF.set_default('use_stderr', True)
    service.start_logging(cfg.CONF)
    command: Callable[[cfg.ConfigOpts], None] = cfg.CONF.category.func
    if command is not _openapi:
        _check_database(cfg.CONF, command not in (_db_sync, _db_version))
    command(cfg.CONF)


def _check_database(conf: cfg.ConfigOpts, needs_tables: bool) -> None:
    if needs_tables:
        # It tells of each look at the version, which nobody has asked for.
        logging.getLogger('alembic').setLevel(logging.WARNING)
    try:
        current = checks.version(conf)
    except checks.TroubleError as exc:
        raise exception.ConfigurationError(
            f'the database does not answer: {exc}. Mend it, or [database] '
            'connection.'
        ) from exc
    # One that a newer release has brought up to date is good, too.
    if needs_tables and (current is None or current < migration.head()):
        raise exception.ConfigurationError(
            f'the schema of the database is at {current or "no version"}, '
            f'this release needs {migration.head()}: run console-api-manage '
            'db sync.'
        )


def _add_commands(subparsers: Any) -> None:
    database = subparsers.add_parser('db', help='the schema of the database')
    actions = database.add_subparsers(dest='action', required=True)
    sync = actions.add_parser(
        'sync', help='bring the schema up to date; may be run again'
    )
    sync.set_defaults(func=_db_sync)
    shown = actions.add_parser(
        'version', help="show the schema's version and the newest one"
    )
    shown.set_defaults(func=_db_version)
    purged = actions.add_parser(
        'purge', help='remove the tokens that have expired'
    )
    purged.set_defaults(func=records.purge)
    _add_tokens(subparsers)
    _add_lists(subparsers)
    _add_agents(subparsers)
    _add_openapi(subparsers)


def _add_tokens(subparsers: Any) -> None:
    tokens = subparsers.add_parser('token', help='the tokens of consoles')
    actions = tokens.add_subparsers(dest='action', required=True)
    listed = actions.add_parser('list', help='those that are good now')
    listed.add_argument(
        '--server', type=records.server_id, metavar='ID', help='of this server'
    )
    _add_limit(listed)
    _add_format(listed)
    listed.set_defaults(func=records.list_tokens)
    revoked = actions.add_parser('revoke', help='make tokens void')
    which = revoked.add_mutually_exclusive_group(required=True)
    which.add_argument(
        'id', nargs='?', type=int, help='the number that the list shows'
    )
    which.add_argument(
        '--server',
        type=records.server_id,
        metavar='ID',
        help='all of this server',
    )
    revoked.set_defaults(func=records.revoke_tokens)


def _add_lists(subparsers: Any) -> None:
    servers = subparsers.add_parser('server', help='the servers known here')
    actions = servers.add_subparsers(dest='action', required=True)
    listed = actions.add_parser('list', help='the newest first')
    listed.add_argument('--project', metavar='ID', help='of this project')
    # oslo.config gives 'host' and 'name' a meaning of their own.
    listed.add_argument(
        '--host', dest='on_host', metavar='HOST', help='on this host'
    )
    listed.add_argument(
        '--name',
        dest='in_name',
        metavar='TEXT',
        help='whose name has this in it',
    )
    _add_limit(listed)
    _add_format(listed)
    listed.set_defaults(func=records.list_servers)


def _add_agents(subparsers: Any) -> None:
    agents = subparsers.add_parser('agent', help='the agents known here')
    actions = agents.add_subparsers(dest='action', required=True)
    listed = actions.add_parser('list', help='with the last report of each')
    _add_format(listed)
    listed.set_defaults(func=records.list_agents)
    enrolled = actions.add_parser(
        'enrol',
        help='let the agent of a host in: prints a word that it says once',
    )
    enrolled.add_argument('of_host', type=records.host_name, metavar='HOST')
    enrolled.add_argument(
        '--hours',
        type=_hours,
        default=24,
        metavar='N',
        help='how long the word is good for (24)',
    )
    enrolled.set_defaults(func=records.enrol_agent)
    forgotten = actions.add_parser(
        'forget', help='keep a host out, until it is enrolled again'
    )
    forgotten.add_argument('of_host', metavar='HOST')
    forgotten.set_defaults(func=records.forget_agent)


def _hours(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= _MOST_HOURS:
        raise argparse.ArgumentTypeError(
            f'{text!r} is no number from 1 to {_MOST_HOURS}'
        )
    return int(text)


def _add_limit(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        '--limit',
        type=int,
        default=1000,
        metavar='N',
        help='no more than so many (1000)',
    )


def _add_format(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        '-f',
        '--format',
        type=output.Format,
        default=output.Format.TABLE,
        metavar='table|json',
        help='for people or for programs (table)',
    )


def _add_openapi(subparsers: Any) -> None:
    described = subparsers.add_parser(
        'openapi', help='print the OpenAPI document of the API'
    )
    described.add_argument(
        '--root',
        default='',
        metavar='URL',
        help='where the API is served, without /v2.1',
    )
    described.add_argument(
        '--microversion',
        type=_microversion,
        metavar='X.Y',
        help='only what a client of this microversion meets',
    )
    described.set_defaults(func=_openapi)


def _microversion(text: str) -> microversion.Version:
    try:
        version = microversion.Version.parse(text)
        microversion.check_served(version)
    except exception.DomainError as exc:
        raise argparse.ArgumentTypeError(exc.public_message) from exc
    return version


def _openapi(conf: cfg.ConfigOpts) -> None:
    document = openapi.document(
        conf.category.root.rstrip('/'), conf.category.microversion
    )
    print(json.dumps(document, indent=2))


def _db_sync(conf: cfg.ConfigOpts) -> None:
    migration.sync(db_api.Database(conf, limits.UNLIMITED))
    _db_version(conf)


def _db_version(conf: cfg.ConfigOpts) -> None:
    version = migration.current(db_api.Database(conf))
    print(f'database: {version or "empty"}, newest: {migration.head()}')
