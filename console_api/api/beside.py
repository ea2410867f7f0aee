# SPDX-License-Identifier: Apache-2.0
"""The console part of the API as a filter in front of another compute API.

What is not about consoles goes on as it came, bodies included.
"""

from collections.abc import MutableMapping
import io
from typing import Any

from oslo_log import log as logging
import webob

from console_api import exception
from console_api.api import auth
from console_api.api import dispatch
from console_api.api import errors
from console_api.api import middleware
from console_api.api import operation
from console_api.api import routes
from console_api.api import validation
from console_api.api.controllers import console_auth_tokens
from console_api.api.controllers import console_output
from console_api.api.controllers import remote_consoles

LOG = logging.getLogger(__name__)

_CONTROLLERS = frozenset(
    {
        console_auth_tokens.ConsoleAuthTokensController,
        console_output.ConsoleOutputController,
        remote_consoles.RemoteConsolesController,
    }
)

#: What is answered here; what was removed from the API is for the other one.
OWN_ROUTES = tuple(
    route
    for route in routes.ROUTES
    if route.controller in _CONTROLLERS and route.handler is not None
)

#: The longest body of an action that is looked at: Nova's own limit.
_LONGEST_ACTION = 114688

#: keystonemiddleware leaves it after it has checked the caller's token. No
#: client can: what it sends is below HTTP_.
_CHECKED = 'keystone.token_auth'


class ConsoleFilter:
    """Answers requests for consoles; ``application`` answers the others.

    It belongs behind keystonemiddleware, which says who the caller is.
    """

    def __init__(
        self, application: middleware.WSGIApp, services: operation.Services
    ) -> None:
        self._application = application
        self._dispatcher = dispatch.Dispatcher(services, OWN_ROUTES)
        self._consoles = middleware.Faults(
            auth.KeystoneContext(self._dispatcher)
        )

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Any:
        """Answer, or pass the request on."""
        if not self._is_own(environ):
            return self._application(environ, start_response)
        if environ.get(_CHECKED) is None:
            LOG.error(
                'A request for a console was refused: the console filter is '
                'not behind authtoken in the pipeline.'
            )
            refusal = errors.fault(401, 'This server could not verify you.')
            return refusal(environ, start_response)
        return self._consoles(environ, start_response)

    def _is_own(self, environ: MutableMapping[str, Any]) -> bool:
        request = webob.Request(environ)
        try:
            route = self._dispatcher.find(request)
            if route.action is None:
                return True
            body = validation.parse_json(_peek(request))
        except exception.DomainError:
            return False
        return self._dispatcher.action_of(body) is not None


def _peek(request: webob.Request) -> bytes:
    """The body, which whoever comes next reads again from the start.

    :raises BadRequest: it is none of an action of ours; it was not touched
    """
    environ = request.environ
    length = environ.get('CONTENT_LENGTH') or ''
    if (
        'HTTP_TRANSFER_ENCODING' in environ
        or not dispatch.is_json(request)
        or not (length.isascii() and length.isdigit())
        or int(length) > _LONGEST_ACTION
    ):
        raise exception.BadRequest('not an action')
    source = environ['wsgi.input']
    body = bytearray()
    while len(body) < int(length):
        # A server may give less at a time than it was asked for.
        part = source.read(int(length) - len(body))
        if not part:
            break
        body += part
    environ['wsgi.input'] = io.BytesIO(bytes(body))
    return bytes(body)
