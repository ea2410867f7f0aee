# SPDX-License-Identifier: Apache-2.0
"""Where a proxy looks tokens up, as ``[proxy] authority`` says."""

import contextlib

from oslo_config import cfg

from console_api import context
from console_api import rpc
from console_api.conductor import rpcapi
from console_api.consoles import tokens
from console_api.consoles import types
from console_api.proxy import authority
from console_api.proxy import authority_rest
from console_api.proxy import rest_check


def make(
    conf: cfg.ConfigOpts, stack: contextlib.ExitStack, checks: bool = False
) -> authority.Lookup:
    """The blocking look-up; ``stack`` gets what must be closed after it.

    With ``checks``, the log says at once if Nova's API cannot be asked.

    :raises ConfigurationError: Nova's API is asked without a user for it
    """
    if conf.proxy.authority == 'rest':
        nova = authority_rest.RestLookup(conf)
        if checks:
            check = rest_check.StartCheck(nova.check)
            check.start()
            stack.callback(check.stop)
        return nova
    transport = rpc.get_transport(conf)
    stack.callback(transport.cleanup)
    conductor = rpcapi.ConductorAPI(conf, transport)

    def lookup(
        token: str, key: tokens.SessionKey | None = None
    ) -> types.ConsoleGrant:
        return conductor.enter_session(
            context.service_context(), tokens.Token(token).digest(), key
        )

    return lookup
