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


def make(
    conf: cfg.ConfigOpts, stack: contextlib.ExitStack
) -> authority.Lookup:
    """The blocking look-up; ``stack`` gets what must be closed after it.

    :raises ConfigurationError: Nova's API is asked without a user for it
    """
    if conf.proxy.authority == 'rest':
        return authority_rest.RestLookup(conf)
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
