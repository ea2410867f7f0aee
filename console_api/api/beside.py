# SPDX-License-Identifier: Apache-2.0
"""The console part of the API as a filter in front of another compute API.

What is not about consoles goes on as it came, bodies included. What Nova
would take for a request about consoles never does, however it is written: it
is answered here, under the policy of this service.
"""

from collections.abc import Callable
from collections.abc import MutableMapping
import io
import json
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

#: What is answered here while tokens of both are good: nothing is made.
TOKEN_ROUTES = tuple(
    route
    for route in OWN_ROUTES
    if route.controller is console_auth_tokens.ConsoleAuthTokensController
)

#: The longest body of an action, in bytes: oslo.middleware's own default for
#: what it lets through to Nova.
LONGEST_ACTION = 114688
_CHUNK = 65536

#: keystonemiddleware leaves it after it has checked the caller's token. No
#: client can: what it sends is below HTTP_.
_CHECKED = 'keystone.token_auth'


class ConsoleFilter:
    """Answers requests for consoles; ``application`` answers the others.

    It belongs behind keystonemiddleware, which says who the caller is, and
    directly in front of the router of Nova. ``longest`` says how many bytes
    the body of an action may have, ``table`` what is answered here. A token
    that is not known here is looked up by Nova, if the caller may look up
    tokens here.
    """

    def __init__(
        self,
        application: middleware.WSGIApp,
        services: operation.Services,
        longest: Callable[[], int] = lambda: LONGEST_ACTION,
        table: tuple[routes.Route, ...] = OWN_ROUTES,
    ) -> None:
        self._application = application
        self._longest = longest
        self._dispatcher = dispatch.Dispatcher(services, table)
        self._consoles = middleware.Faults(
            auth.KeystoneContext(self._dispatcher)
        )

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Any:
        """Answer, or pass the request on."""
        try:
            route = self._find(environ)
        except exception.DomainError as exc:
            return errors.to_response(exc, '')(environ, start_response)
        if route is None:
            return self._application(environ, start_response)
        if environ.get(_CHECKED) is None:
            LOG.error(
                'A request for a console was refused: the console filter is '
                'not behind authtoken in the pipeline.'
            )
            refusal = errors.fault(401, 'This server could not verify you.')
            return refusal(environ, start_response)
        if route in TOKEN_ROUTES:
            return self._look_up(environ, start_response)
        return self._consoles(environ, start_response)

    def _look_up(self, environ: dict[str, Any], start_response: Any) -> Any:
        answer = webob.Request(environ).get_response(self._consoles)
        if answer.status_int == exception.TokenNotFound.status:
            # It may be one that Nova has made. Who may not look up tokens
            # here has got another answer.
            return self._application(environ, start_response)
        return answer(environ, start_response)

    def _find(self, environ: MutableMapping[str, Any]) -> routes.Route | None:
        """What Nova would take it for, if that is a request about consoles.

        :raises BadRequest: it would, but by a method that is not its own
        :raises ResourceNotFound: it would, but by a path that is none
        :raises RequestTooLarge: nobody can tell
        """
        request = webob.Request(environ)
        method = _method(request)
        try:
            route = self._dispatcher.find(request, method)
        except exception.ResourceNotFound:
            return None
        if route.action is not None and not self._names_action(request):
            return None
        if dispatch.is_broken(request):
            raise exception.ResourceNotFound()
        if method != request.method:
            raise exception.BadRequest(
                'Malformed request URL: its query cannot change the method.'
            )
        return route

    def _names_action(self, request: webob.Request) -> bool:
        if not dispatch.is_json(request):
            # Nova reads no other one.
            return False
        try:
            # As Nova reads it, and more: here nothing is executed, and what
            # is one of ours is read strictly after this.
            body = json.loads(_peek(request, self._longest()))
        except (ValueError, RecursionError):
            return False
        return self._dispatcher.action_of(body) is not None


def _method(request: webob.Request) -> str:
    """The method by which Nova's router finds what answers.

    Routes lets the query change it, and Nova leaves that switched on.
    """
    if '_method' not in request.query_string:
        return str(request.method)
    try:
        wanted = request.GET.get('_method')
    except UnicodeDecodeError:
        wanted = None
    return wanted.upper() if wanted else str(request.method)


def _peek(request: webob.Request, longest: int) -> bytes:
    """The body, which whoever comes next reads again from the start.

    Of a body whose length is not known, it is read to its end.

    :raises RequestTooLarge: it is longer than that
    """
    length = request.content_length
    if not request.is_body_readable or (length or 0) < 0:
        return b''
    environ = request.environ
    if length is not None and length > longest:
        raise exception.RequestTooLarge(str(longest))
    source = environ['wsgi.input']
    body = bytearray()
    wanted = longest + 1 if length is None else length
    while len(body) < wanted:
        # A server may give less at a time than it was asked for.
        part = source.read(min(wanted - len(body), _CHUNK))
        if not part:
            break
        body += part
    if len(body) > longest:
        raise exception.RequestTooLarge(str(longest))
    environ['wsgi.input'] = io.BytesIO(bytes(body))
    return bytes(body)
