# SPDX-License-Identifier: Apache-2.0
"""The agent: what a controller may ask of a hypervisor host over RPC."""

from collections.abc import Mapping
import dataclasses
from typing import Any

from oslo_config import cfg
import oslo_messaging

from console_api import context as console_context
from console_api import exception
from console_api.agent import facts
from console_api.agent import rpcapi
from console_api.consoles import output
from console_api.consoles import tokens
from console_api.consoles import types
from console_api.consoles import urls
from console_api.virt import driver as virt_driver


def console_url(
    conf: cfg.ConfigOpts, console_type: types.ConsoleType, token: tokens.Token
) -> str:
    """The URL of a console of this type, with the token in it.

    :raises ConsoleTypeUnavailable: its option group is switched off
    """
    group = conf[console_type.group]
    if not group.enabled:
        raise exception.ConsoleTypeUnavailable(console_type.name)
    return urls.console_url(
        console_type.url_rule,
        group[console_type.base_url_option],
        token.reveal(),
    )


class AgentEndpoint:
    """Answers for the guests of one hypervisor; called in threads."""

    target = oslo_messaging.Target(version=rpcapi.VERSION)

    def __init__(
        self, conf: cfg.ConfigOpts, driver: virt_driver.ConsoleDriver
    ) -> None:
        self._conf = conf
        self._driver = driver

    def identify(
        self,
        ctxt: console_context.RequestContext,  # noqa: ARG002 - RPC signature
    ) -> str:
        """Which process this is, for another that wants to be it."""
        return facts.process_name()

    @oslo_messaging.expected_exceptions(exception.DomainError)
    def get_console(
        self,
        ctxt: console_context.RequestContext,  # noqa: ARG002 - RPC signature
        server_id: str,
        console_type: str,
    ) -> dict[str, Any]:
        """Make a token and the URL of this console (AgentAPI.get_console)."""
        row = _console_type(console_type)
        token = tokens.Token.new()
        url = console_url(self._conf, row, token)
        connect = self._driver.connect_info(server_id, row)
        return {
            'token': token.reveal(),
            'url': url,
            'connect': dataclasses.asdict(connect),
        }

    @oslo_messaging.expected_exceptions(exception.DomainError)
    def confirm_console(
        self,
        ctxt: console_context.RequestContext,  # noqa: ARG002 - RPC signature
        server_id: str,
        console_type: str,
        connect: Mapping[str, Any],
    ) -> bool:
        """Whether this still is the address of that server's console."""
        row = _known(console_type)
        return row is not None and self._is_current(server_id, row, connect)

    @oslo_messaging.expected_exceptions(exception.DomainError)
    def enter_console(
        self,
        ctxt: console_context.RequestContext,  # noqa: ARG002 - RPC signature
        server_id: str,
        console_type: str,
        connect: Mapping[str, Any],
    ) -> dict[str, Any]:
        """The same, with the password for it (AgentAPI.enter_console)."""
        row = _known(console_type)
        if row is None or not self._is_current(server_id, row, connect):
            return {'confirmed': False, 'secret': None}
        secret = self._driver.secret(server_id, row)
        return {
            'confirmed': True,
            'secret': None if secret is None else secret.reveal(),
        }

    def _is_current(
        self,
        server_id: str,
        row: types.ConsoleType,
        connect: Mapping[str, Any],
    ) -> bool:
        try:
            now = self._driver.connect_info(server_id, row)
        except exception.HostUnavailable:
            raise
        except exception.DomainError:
            return False
        return now == types.ConnectInfo(**connect)

    @oslo_messaging.expected_exceptions(exception.DomainError)
    def get_console_output(
        self,
        ctxt: console_context.RequestContext,  # noqa: ARG002 - RPC signature
        server_id: str,
        max_bytes: int,
    ) -> str:
        """The last bytes that the guest wrote, as clean text."""
        return output.clean(self._driver.console_output(server_id, max_bytes))


def _console_type(name: str) -> types.ConsoleType:
    row = _known(name)
    if row is None:
        raise exception.ConsoleTypeInvalid(name)
    return row


def _known(name: str) -> types.ConsoleType | None:
    row = types.CONSOLE_TYPES.get(name)
    return None if row is None or row.removed else row
