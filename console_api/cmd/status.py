# SPDX-License-Identifier: Apache-2.0
"""console-api-status: may this release be started on what is there?

``upgrade check`` ends with 0 if all is well, 1 for a warning, 2 for a failure
and 255 for an unexpected error, as in other services.
"""

import logging
import pathlib
import sys
from typing import Any

from oslo_config import cfg
from oslo_upgradecheck import common_checks
from oslo_upgradecheck import upgradecheck
from oslo_utils import timeutils

from console_api import exception
from console_api import policy
from console_api import service
from console_api.agent import rpcapi
from console_api.cmd import novapolicy
from console_api.conf import conductor
from console_api.db import checks
from console_api.db import migration

#: Where Nova's own configuration is, unless the operator says so.
_NOVA = '/etc/nova/nova.conf'
#: The values of [servers] directory that mean that there is one.
_BESIDE = ('nova', 'nova-process')
_NOVA_CONFIG_FILE = cfg.StrOpt(
    'nova-config-file',
    metavar='PATH',
    help='nova.conf of the Nova whose policy is compared; without it, '
    f'{_NOVA} where [servers] directory is nova or nova-process.',
)
#: An agent that missed so many reports counts as silent.
_MISSED = 3


class Checks(upgradecheck.UpgradeCommands):
    """The checks, in the order in which they are shown."""

    def __init__(self) -> None:
        self._conf = cfg.CONF

    def check(self) -> upgradecheck.Code:
        """Run the checks; their exit status, and a failure without a table.

        A value that its option does not take is found when it is looked at.
        """
        try:
            return super().check()
        except cfg.ConfigFileValueError as exc:
            sys.stderr.write(f'console-api-status: {exc}\n')
            return upgradecheck.Code.FAILURE

    def _schema(self) -> upgradecheck.Result:
        try:
            current = checks.version(self._conf)
        except checks.TroubleError as exc:
            return _failure(
                f'The database does not answer: {exc}. Mend it, or [database] '
                'connection.'
            )
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

    def _nova_policy(self) -> upgradecheck.Result:
        """Whether the Nova beside this service decides alike."""
        named = self._conf.nova_config_file
        file = pathlib.Path(named or _NOVA)
        beside = self._conf.servers.directory in _BESIDE and file.is_file()
        if not named and not beside:
            return _success()
        try:
            found = list(novapolicy.differences(self._conf, file))
        except exception.ConfigurationError as exc:
            return _warning(f'The policy of Nova cannot be read: {exc}')
        if not found:
            return _success()
        return _warning(
            f'{"; ".join(found)}. Let [oslo_policy] policy_file name the file '
            'of Nova, unless this is meant.'
        )

    def _agents(self) -> upgradecheck.Result:
        """Agents that are too old to call, too new, or silent."""
        try:
            found = checks.known_agents(self._conf)
        except checks.TroubleError:
            return _warning(
                'The agents are not known before the check of the schema '
                'succeeds.'
            )
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
        ('Policy of Nova', _nova_policy),
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
        # What is wrong is in the table, in a line of its own.
        logging.disable(logging.ERROR)
        cfg.CONF.register_cli_opt(_NOVA_CONFIG_FILE)
        upgradecheck.register_cli_options(cfg.CONF, Checks())
        service.prepare(cfg.CONF, sys.argv[1:])
        result[0] = int(upgradecheck.run(cfg.CONF))

    return service.run(run) or result[0]
