# SPDX-License-Identifier: Apache-2.0
"""Look up what a console token connects to."""

from collections.abc import Mapping
from typing import Any

from console_api import exception
from console_api.api import microversion
from console_api.api import operation
from console_api.api.schemas import console_auth_tokens as schemas
from console_api.api.schemas import parameters
from console_api.consoles import tokens
from console_api.policies import console_auth_tokens as policies

_TLS_PORT_SINCE = microversion.Version(2, 99)


class ConsoleAuthTokensController:
    """``/os-console-auth-tokens/{console_token}``."""

    def __init__(self, services: operation.Services) -> None:
        self._services = services

    @operation.faults(
        exception.HostUnavailable,
        exception.PolicyNotAuthorized,
        exception.TokenNotFound,
    )
    @operation.operation(
        '2.1',
        '2.30',
        query=parameters.ANY_QUERY,
        response=schemas.SHOW_RESPONSE_V231,
    )
    @operation.operation(
        '2.31',
        '2.98',
        query=parameters.ANY_QUERY,
        response=schemas.SHOW_RESPONSE_V231,
    )
    @operation.operation(
        '2.99',
        query=parameters.NO_QUERY,
        response=schemas.SHOW_RESPONSE_V299,
    )
    def show(self, call: operation.Call) -> Mapping[str, Any]:
        """Say where the console of a token listens."""
        if call.version < microversion.Version(2, 31):
            # It knew RDP tokens only, and RDP consoles were removed.
            raise exception.BadRequest(
                'Only tokens of RDP consoles could be looked up at this '
                'version, and those were removed. Use 2.31 or newer.'
            )
        self._services.policy.authorize_own(call.context, policies.RULE)
        token = tokens.Token(call.params['console_token'])
        grant = self._services.broker.grant(call.context, token.digest())
        connection = {
            'instance_uuid': grant.server_id,
            'host': grant.connect.host,
            'port': grant.connect.port,
            'internal_access_path': grant.connect.internal_access_path,
        }
        if (
            call.version >= _TLS_PORT_SINCE
            and grant.console_type == 'spice-direct'
        ):
            connection['tls_port'] = grant.connect.tls_port
        return {'console': connection}
