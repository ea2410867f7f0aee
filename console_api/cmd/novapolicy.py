# SPDX-License-Identifier: Apache-2.0
"""Where this service decides otherwise than the Nova beside it would."""

from collections.abc import Iterator
from collections.abc import Mapping
import pathlib
import re

from oslo_config import cfg
from oslo_policy import policy as oslo_policy

from console_api import exception
from console_api import policies
from console_api import policy
from console_api.policies import remote_consoles

#: Nova has no such rule.
_OWN = frozenset({remote_consoles.VIEW_ONLY})
_OPTIONS = ('enforce_scope', 'enforce_new_defaults')
_REFERENCE = re.compile(r'\brule:([^\s()]+)')


def differences(
    conf: cfg.ConfigOpts, nova_file: pathlib.Path
) -> Iterator[str]:
    """Each option of policy, and each rule of ours, that is another there.

    ``nova_file`` is the ``nova.conf``; the policy file is where that says.

    :raises ConfigurationError: one of the files cannot be read
    """
    nova = cfg.ConfigOpts()
    try:
        nova(
            [],
            project='nova',
            default_config_files=[str(nova_file)],
            default_config_dirs=[],
        )
        own_rules, nova_rules = _rules(conf), _rules(nova)
    except (cfg.Error, OSError, ValueError) as exc:
        raise exception.ConfigurationError(
            str(exc).strip().splitlines()[0]
        ) from exc
    for name in _OPTIONS:
        mine, novas = _option(conf, name), _option(nova, name)
        if mine != novas:
            yield f'[oslo_policy] {name} is {mine} here and {novas} in Nova'
    for rule in policies.list_rules():
        if isinstance(rule, oslo_policy.DocumentedRuleDefault):
            here, there = (
                _expanded(rules, rule.name)
                for rules in (own_rules, nova_rules)
            )
            if here != there and rule.name not in _OWN:
                yield f'{rule.name} is "{here}" here and "{there}" in Nova'


def _option(conf: cfg.ConfigOpts, name: str) -> bool:
    # The oslo.policy here may be newer than Nova's, and know it no longer: it
    # does what was the default.
    if name not in conf.oslo_policy:
        conf.register_opt(cfg.BoolOpt(name, default=True), 'oslo_policy')
    return bool(conf.oslo_policy[name])


def _rules(conf: cfg.ConfigOpts) -> Mapping[str, str]:
    """Each rule as text, as it counts with this configuration."""
    enforcer = policy.new_enforcer(conf)
    enforcer.suppress_deprecation_warnings = True
    enforcer.load_rules()
    return {name: str(check) for name, check in enforcer.rules.items()}


def _expanded(
    rules: Mapping[str, str], name: str, above: frozenset[str] = frozenset()
) -> str:
    """The rule with those that it refers to in place of their names."""
    if name not in rules or name in above:
        return f'rule:{name}'
    inner = above | {name}
    return _REFERENCE.sub(
        lambda found: f'({_expanded(rules, found[1], inner)})', rules[name]
    )
