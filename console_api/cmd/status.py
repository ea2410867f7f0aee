# SPDX-License-Identifier: Apache-2.0
"""console-api-status: may this release be started on what is there?

``upgrade check`` ends with 0 if all is well, 1 for a warning, 2 for a failure
and 255 for an unexpected error, as in other services.
"""

import sys
from typing import Any

from oslo_config import cfg
from oslo_db import exception as db_exception
from oslo_upgradecheck import common_checks
from oslo_upgradecheck import upgradecheck
from oslo_utils import timeutils

from console_api import exception
from console_api import policy
from console_api import service
from console_api.agent import rpcapi
from console_api.conf import conductor
from console_api.db import agents as db_agents
from console_api.db import api as db_api
from console_api.db import migration

#: An agent that missed so many reports counts as silent.
_MISSED = 3


class Checks(upgradecheck.UpgradeCommands):
    """The checks, in the order in which they are shown."""

    def __init__(self) -> None:
        self._conf = cfg.CONF

    def _schema(self) -> upgradecheck.Result:
        try:
            current = migration.current(db_api.Database(self._conf))
        except (db_exception.DBError, exception.DomainError) as exc:
            return _failure(f'The database does not answer: {exc}')
        if current == migration.head():
            return _success()
        return _failure(
            f'The schema is at {current or "no version"}, this release needs '
            f'{migration.head()}: run console-api-manage db sync.'
        )

    def _policy_file(self) -> Any:
        # Registers the options of oslo.policy.
        policy.Policy(self._conf)
        return common_checks.check_policy_json(self, self._conf)

    def _agents(self) -> upgradecheck.Result:
        """Agents that are too old to call, too new, or silent."""
        try:
            with db_api.Database(self._conf).reader() as connection:
                found = db_agents.every(connection)
        except (db_exception.DBError, exception.DomainError):
            return _warning('The agents are not known without the schema.')
        mine = _numbers(rpcapi.VERSION)
        foreign = [
            agent.host
            for agent in found
            if _numbers(agent.rpc_version)[0] != mine[0]
        ]
        if foreign:
            return _failure(
                'These agents speak another major RPC version than '
                f'{rpcapi.VERSION}: {_names(foreign)}.'
            )
        older = [a.host for a in found if _numbers(a.rpc_version) < mine]
        if older:
            return _warning(
                f'These agents are older than RPC {rpcapi.VERSION}: '
                f'{_names(older)}. Keep [upgrade_levels] until they are '
                'upgraded.'
            )
        longest = self._conf.agent.inventory_interval * _MISSED
        limit = timeutils.utcnow_ts() - longest
        silent = [a.host for a in found if a.reported_at < limit]
        if silent:
            return _warning(
                f'No report for {longest} s: {_names(silent)}. Of a host '
                'that is gone: console-api-manage agent forget HOST.'
            )
        return _success()

    def _enrolment(self) -> upgradecheck.Result:
        """Whether hosts join that nobody has let in."""
        if self._conf.conductor.enrolment == conductor.OPEN:
            return _warning(
                '[conductor] enrolment is open: whoever reaches the message '
                'bus can add a host. Outside of a laboratory, leave it at '
                'operator; hosts that are known stay.'
            )
        return _success()

    _upgrade_checks = (
        ('Database schema', _schema),
        ('Policy file', _policy_file),
        ('Agents', _agents),
        ('Enrolment of hosts', _enrolment),
    )


def _success() -> upgradecheck.Result:
    return upgradecheck.Result(upgradecheck.Code.SUCCESS)


def _warning(text: str) -> upgradecheck.Result:
    return upgradecheck.Result(upgradecheck.Code.WARNING, text)


def _failure(text: str) -> upgradecheck.Result:
    return upgradecheck.Result(upgradecheck.Code.FAILURE, text)


def _numbers(version: str) -> tuple[int, int]:
    major, minor = version.split('.')
    return int(major), int(minor)


def _names(hosts: list[str]) -> str:
    shown = ', '.join(hosts[:10])
    more = len(hosts) - 10
    return f'{shown} and {more} more' if more > 0 else shown


def main() -> int:
    """Run the checks; their exit status."""
    result = [255]

    def run() -> None:
        upgradecheck.register_cli_options(cfg.CONF, Checks())
        service.prepare(cfg.CONF, sys.argv[1:])
        result[0] = int(upgradecheck.run(cfg.CONF))

    return service.run(run) or result[0]
