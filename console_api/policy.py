# SPDX-License-Identifier: Apache-2.0
"""May this caller do this? Rules from policy.yaml over the defaults here."""

from collections.abc import Callable
from collections.abc import Mapping
from typing import Any

from oslo_config import cfg
from oslo_policy import opts as policy_opts
from oslo_policy import policy

from console_api import context as console_context
from console_api import exception
from console_api import policies
from console_api.policies import base

#: Where the service's own configuration is, too.
_CONFIG_DIRS = 'console-api'


class Policy:
    """Decides by rule name; reads ``policy.yaml`` again when it changes."""

    def __init__(self, conf: cfg.ConfigOpts) -> None:
        self._enforcer = new_enforcer(conf)

    def authorize(
        self,
        context: console_context.RequestContext,
        rule: str,
        target: Mapping[str, str | None],
    ) -> None:
        """Return if the rule lets this caller act on this target.

        :raises PolicyNotAuthorized: it does not, or the token's scope is not
            one that the rule takes
        """
        if not self.allows(context, rule, target):
            raise exception.PolicyNotAuthorized(rule)

    def allows(
        self,
        context: console_context.RequestContext,
        rule: str,
        target: Mapping[str, str | None],
    ) -> bool:
        """Whether the rule lets this caller act on this target.

        What is missing, such as the project of an unscoped token, is equal to
        nothing, and so not to what is missing in the target either.
        """
        values = _Credentials(
            _known(context.to_policy_values()), lambda: self.is_admin(context)
        )
        return self._ask(rule, target, values)

    def authorize_own(
        self, context: console_context.RequestContext, rule: str
    ) -> None:
        """Return if the rule lets this caller act on what is the caller's.

        For what concerns no server: where one is known, its project decides.

        :raises PolicyNotAuthorized: it does not, or the token's scope is not
            one that the rule takes
        """
        self.authorize(context, rule, own_target(context))

    def is_admin(self, context: console_context.RequestContext) -> bool:
        """Whether the caller may see the servers of every project."""
        return self._ask(
            base.CONTEXT_IS_ADMIN,
            own_target(context),
            # Nova's own check, where that has made it known, wants to see it.
            {**_known(context.to_policy_values()), 'is_admin': False},
        )

    def _ask(
        self,
        rule: str,
        target: Mapping[str, str | None],
        values: dict[str, Any],
    ) -> bool:
        try:
            return bool(self._enforcer.authorize(rule, _known(target), values))
        except policy.InvalidScope:
            return False


class _Credentials(dict[str, Any]):
    """What rules ask of a caller.

    Few ask ``is_admin``, which takes as long to find out as the rule itself.
    """

    def __init__(
        self, values: Mapping[str, Any], is_admin: Callable[[], bool]
    ) -> None:
        super().__init__(values)
        self._is_admin = is_admin

    def __missing__(self, name: str) -> bool:
        if name != 'is_admin':
            raise KeyError(name)
        self[name] = self._is_admin()
        return bool(self[name])


def own_target(
    context: console_context.RequestContext,
) -> Mapping[str, str | None]:
    """The caller as what a rule is asked about; the keys are Nova's."""
    return {'project_id': context.project_id, 'user_id': context.user_id}


def _known(values: Mapping[str, Any]) -> dict[str, Any]:
    # oslo.policy compares text: None would be equal to None, and to 'None'.
    return {
        name: value
        for name, value in values.items()
        if value is not None and value != ''
    }


def new_enforcer(conf: cfg.ConfigOpts) -> policy.Enforcer:
    """The rules of this configuration's files over the defaults here."""
    policy_opts.set_defaults(conf, policy_file='policy.yaml')
    enforcer = policy.Enforcer(conf)
    # What counts with enforce_new_defaults = False is no change to report.
    enforcer.suppress_default_change_warnings = True
    enforcer.register_defaults(policies.list_rules())
    return enforcer


def get_enforcer() -> policy.Enforcer:
    """The enforcer for oslo.policy's command line tools."""
    conf = cfg.CONF
    # The tools read no configuration of the service, which says where its
    # policy file is.
    conf([], project=_CONFIG_DIRS)
    return new_enforcer(conf)
