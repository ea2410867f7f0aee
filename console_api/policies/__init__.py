# SPDX-License-Identifier: Apache-2.0
"""The rules, their defaults and the operations that each one guards."""

import itertools

from oslo_policy import policy

from console_api.policies import base
from console_api.policies import console_auth_tokens
from console_api.policies import console_output
from console_api.policies import remote_consoles
from console_api.policies import servers


def list_rules() -> list[policy.RuleDefault]:
    """Every rule of the service, for the enforcer and the sample file."""
    return list(
        itertools.chain(
            base.list_rules(),
            console_auth_tokens.list_rules(),
            console_output.list_rules(),
            remote_consoles.list_rules(),
            servers.list_rules(),
        )
    )
