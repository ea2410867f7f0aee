# SPDX-License-Identifier: Apache-2.0
"""Read what a server wrote to its console."""

from collections.abc import Mapping
from typing import Any

from console_api import exception
from console_api.api import access
from console_api.api import operation
from console_api.api.schemas import console_output as schemas
from console_api.api.schemas import parameters


class ConsoleOutputController:
    """The action ``os-getConsoleOutput``."""

    def __init__(self, services: operation.Services) -> None:
        self._services = services

    @operation.faults(
        exception.ConsoleNotAvailable,
        exception.HostUnavailable,
        exception.InstanceNotFound,
        exception.NotSupported,
        exception.PolicyNotAuthorized,
    )
    @operation.operation(
        '2.1',
        query=parameters.ANY_QUERY,
        body=schemas.CREATE,
        response=schemas.CREATE_RESPONSE,
    )
    def create(self, call: operation.Call) -> Mapping[str, Any]:
        """Get the last lines; all that is kept without a length."""
        granted = access.to_output(self._services, call)
        length = call.body['os-getConsoleOutput'].get('length')
        return {
            'output': self._services.broker.console_output(
                call.context, granted, None if length is None else int(length)
            )
        }
