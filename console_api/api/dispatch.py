# SPDX-License-Identifier: Apache-2.0
"""From a request to a controller method and back.

In this order: route, microversion, project id, body, schemas, call, response
schema, rendering.
"""

from collections.abc import Callable
from collections.abc import Mapping
import json
from typing import Any

from oslo_log import log as logging
import routes as routes_lib
import webob

from console_api import exception
from console_api.api import auth
from console_api.api import errors
from console_api.api import links
from console_api.api import microversion
from console_api.api import middleware
from console_api.api import operation
from console_api.api import routes
from console_api.api import validation

LOG = logging.getLogger(__name__)

_JSON_TYPES = frozenset(
    {
        '',
        'application/json',
        'application/vnd.openstack.compute+json',
        'text/plain',
    }
)


#: Where the routes are mounted, and what a project id looks like (Nova's).
MOUNT = '/v2.1'
PROJECT_ID = '[0-9a-f-]+'


class Dispatcher:
    """The application behind ``/v2.1``."""

    def __init__(
        self, services: operation.Services, table: tuple[routes.Route, ...]
    ) -> None:
        self._services = services
        self._controllers = {
            controller: controller(services)
            for controller in {route.controller for route in table}
        }
        self._table = table
        self._mapper = _mapper(table)
        self._actions = {
            route.action: route for route in table if route.action
        }

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Any:
        """Answer one request; every error becomes an answer here."""
        request = webob.Request(environ)
        response = at_version(
            request, lambda version: self._dispatch(request, version)
        )
        return response(environ, start_response)

    def find(self, request: webob.Request, method: str) -> routes.Route:
        """A row of the path and ``method``; of an action's path, any of them.

        Found as Nova finds it, which is not reason enough to answer it: see
        ``is_broken``.

        :raises ResourceNotFound: there is none
        """
        return self._route(request, method)[0]

    def action_of(self, body: object) -> routes.Route | None:
        """The row of the action that a body asks for, if it is in the table.

        The body of an action is an object with the action as its only key.
        """
        if not isinstance(body, dict) or len(body) != 1:
            return None
        return self._actions.get(next(iter(body)))

    def _dispatch(
        self, request: webob.Request, version: microversion.Version
    ) -> webob.Response:
        route, params = self._route(request, request.method)
        if is_broken(request):
            raise exception.ResourceNotFound()
        project_id = params.pop('project_id', None)
        _check_project(request, project_id)
        body: Any = None
        if route.action is not None:
            route, body = self._action(request)
        if route.handler is None:
            raise webob.exc.HTTPGone(
                'This resource was removed from the API. Use '
                '/servers/{server_id}/remote-consoles.'
            )
        found = operation.find(route.handler, version)
        if found is None:
            raise exception.ResourceNotFound()
        if found.body is not None:
            body = _read_body(request) if route.action is None else body
            found.body.check(body)
        query = _query(request)
        found.query.check(query)
        call = operation.Call(
            context=request.environ[auth.CONTEXT],
            version=version,
            params=params,
            query=query,
            body=body,
            links=links.LinkBuilder(
                request,
                self._services.conf.api.compute_link_prefix,
                MOUNT,
                project_id,
            ),
        )
        answer = route.handler(self._controllers[route.controller], call)
        self._check_answer(found.response, answer, request)
        return render(answer)

    def _route(
        self, request: webob.Request, method: str
    ) -> tuple[routes.Route, dict[str, str]]:
        try:
            path = request.path_info
        except UnicodeError as exc:
            raise exception.ResourceNotFound() from exc
        match = self._mapper.match(path, {'REQUEST_METHOD': method})
        if match is None:
            raise exception.ResourceNotFound()
        return self._table[int(match.pop('row'))], match

    def _action(self, request: webob.Request) -> tuple[routes.Route, Any]:
        body = _read_body(request)
        if not isinstance(body, dict) or len(body) != 1:
            raise exception.BadRequest(
                'Malformed request body: it must be an object with one '
                'action as its only key.'
            )
        name = next(iter(body))
        if name not in self._actions:
            raise exception.BadRequest(
                f'There is no such action: {name[:255]}'
            )
        return self._actions[name], body

    def _check_answer(
        self,
        schema: validation.Schema,
        answer: Mapping[str, Any],
        request: webob.Request,
    ) -> None:
        policy = self._services.conf.api.response_validation
        if policy == 'ignore':
            return
        mismatch = schema.mismatch(answer)
        if mismatch is None:
            return
        if policy == 'error':
            raise ValueError(f'the answer does not fit its schema: {mismatch}')
        LOG.warning(
            'The answer to %s %s does not fit its schema',
            request.method,
            middleware.redacted_url(request.environ),
        )


def _mapper(table: tuple[routes.Route, ...]) -> routes_lib.Mapper:
    mapper = routes_lib.Mapper()
    # Nothing here builds URLs from routes, and a path is taken as it is.
    mapper.minimization = False
    seen = set()
    for prefix in ('', '/{project_id}'):
        for row, route in enumerate(table):
            key = (prefix, route.method, route.path)
            is_root = route.path in routes.ROOT_PATHS
            if key in seen or (is_root and not prefix):
                continue
            seen.add(key)
            mapper.connect(
                prefix + route.path,
                # Routes keeps strings only.
                row=str(row),
                conditions={'method': [route.method]},
                # Any other word is no project, but a path that is not here.
                requirements={'project_id': PROJECT_ID} if prefix else {},
            )
    return mapper


def _check_project(request: webob.Request, project_id: str | None) -> None:
    if project_id is None:
        return
    own = request.environ[auth.CONTEXT].project_id
    if project_id != own:
        raise exception.BadRequest(
            f"Malformed request URL: URL's project_id '{project_id[:255]}' "
            f"doesn't match Context's project_id '{own}'"
        )


def _query(request: webob.Request) -> dict[str, str]:
    try:
        query = dict(request.GET)
    except UnicodeDecodeError as exc:
        raise exception.BadRequest(
            'Malformed request URL: its query is not UTF-8.'
        ) from exc
    # PostgreSQL takes none, and nothing here has one in it.
    if any('\0' in value for value in query.values()):
        raise exception.BadRequest(
            'Malformed request URL: its query has a NUL character in it.'
        )
    return query


def is_broken(request: webob.Request) -> bool:
    """Whether a line break is behind the path, which Routes overlooks."""
    return str(request.path_info).endswith('\n')


def is_json(request: webob.Request) -> bool:
    """Whether the content type is one that is read as JSON."""
    return request.content_type in _JSON_TYPES


def _read_body(request: webob.Request) -> Any:
    if not is_json(request):
        raise exception.UnsupportedContentType()
    return validation.parse_json(request.body)


def at_version(
    request: webob.Request,
    answer: Callable[[microversion.Version], webob.Response],
) -> webob.Response:
    """What ``answer`` makes of the microversion of the request.

    Its errors, and those of the version, become answers here; each answer
    says which version it is for.
    """
    version = None
    try:
        version = microversion.requested(request.headers)
        microversion.check_served(version)
        response = answer(version)
    except Exception as exc:  # noqa: BLE001 - errors are mapped in one place
        response = errors.to_response(
            exc, request.environ.get(middleware.REQUEST_ID, '')
        )
    if version is not None:
        for name, value in microversion.response_headers(version):
            response.headers.add(name, value)
    return response


def render(answer: Mapping[str, Any]) -> webob.Response:
    """An answer as JSON."""
    return webob.Response(
        body=json.dumps(answer).encode(),
        content_type='application/json',
        charset=None,
    )
