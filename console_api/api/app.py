# SPDX-License-Identifier: Apache-2.0
"""The application as Paste Deploy puts it together."""

from collections.abc import Callable
from collections.abc import Mapping
from collections.abc import MutableMapping
import pathlib
import sys
from typing import Any

from oslo_config import cfg
from oslo_middleware import cors
from oslo_middleware import http_proxy_to_wsgi
from oslo_utils import strutils
from paste import deploy
import webob

from console_api import embedded
from console_api import exception
from console_api import policy as console_policy
from console_api import rpc
from console_api.agent import rpcapi as agent_rpcapi
from console_api.api import beside
from console_api.api import dispatch
from console_api.api import errors
from console_api.api import links
from console_api.api import microversion
from console_api.api import middleware
from console_api.api import openapi
from console_api.api import operation
from console_api.api import overload
from console_api.api import routes
from console_api.api.controllers import versions
from console_api.conf import consoleauth
from console_api.consoles import broker as console_broker
from console_api.consoles import targets
from console_api.consoles import tokens
from console_api.db import api as db_api
from console_api.servers import directory as server_directory
from console_api.servers import nova
from console_api.servers import nova_process
from console_api.servers import proofs
from console_api.servers import registry

#: What a script of another origin may send and read, besides what browsers
#: let through anyway.
_CORS_IN = [
    'X-Auth-Token',
    'X-Openstack-Request-Id',
    microversion.HEADER,
    microversion.LEGACY_HEADER,
]
_CORS_OUT = [
    'Retry-After',
    'X-Openstack-Request-Id',
    'X-Compute-Request-Id',
    microversion.HEADER,
    microversion.LEGACY_HEADER,
]


_HEALTH = '/healthcheck'


def load(conf: cfg.ConfigOpts) -> middleware.WSGIApp:
    """The pipeline of ``[api] auth_strategy`` in ``[api] paste_config``.

    :raises ConfigurationError: the file cannot be found
    """
    cors.set_defaults(
        allow_headers=_CORS_IN,
        expose_headers=_CORS_OUT,
        allow_methods=['GET', 'POST'],
    )
    application: middleware.WSGIApp = deploy.loadapp(
        f'config:{_paste_file(conf)}', name=conf.api.auth_strategy
    )
    return application


def _paste_file(conf: cfg.ConfigOpts) -> pathlib.Path:
    name = conf.api.paste_config
    found = conf.find_file(name)
    candidates = [found] if found else []
    # Installed in a virtual environment, then in a checkout.
    roots = (pathlib.Path(sys.prefix), pathlib.Path(__file__).parents[2])
    candidates.extend(str(root / 'etc/console-api' / name) for root in roots)
    for candidate in candidates:
        if pathlib.Path(candidate).is_file():
            return pathlib.Path(candidate).absolute()
    raise exception.ConfigurationError(
        f'[api] paste_config: there is no file {name!r} beside the '
        'configuration files or in /etc/console-api'
    )


class UrlMap:
    """Sends what is below ``/v2.1/`` to one application, the rest to another.

    The version documents, at ``/``, ``/v2.1`` and ``/v2.1/``, need no
    authentication and so are served apart, and so is ``/healthcheck``, if
    there is an application for it.
    """

    def __init__(
        self,
        versions: middleware.WSGIApp,
        compute: middleware.WSGIApp,
        health: middleware.WSGIApp | None = None,
    ) -> None:
        self._versions = versions
        self._compute = compute
        self._health = health

    def __call__(
        self, environ: MutableMapping[str, Any], start_response: Any
    ) -> Any:
        """Pass the request on."""
        path = environ.get('PATH_INFO', '')
        if path == _HEALTH and self._health is not None:
            return self._health(environ, start_response)
        mount = dispatch.MOUNT
        public = path in (f'{mount}/', openapi.PATH)
        if public or not path.startswith(f'{mount}/'):
            return self._versions(environ, start_response)
        environ['SCRIPT_NAME'] = environ.get('SCRIPT_NAME', '') + mount
        environ['PATH_INFO'] = path[len(mount) :]
        return self._compute(environ, start_response)


class Versions:
    """The version documents."""

    def __init__(self, conf: cfg.ConfigOpts) -> None:
        self._conf = conf

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Any:
        """Answer with a document, or 404."""
        response = self._answer(webob.Request(environ))
        return response(environ, start_response)

    def _answer(self, request: webob.Request) -> webob.Response:
        path = request.environ.get('PATH_INFO', '')
        if request.method in ('GET', 'HEAD'):
            if path in ('', '/'):
                # The list of versions itself has no microversions.
                return self._document(request, versions.index)
            if path == openapi.PATH:
                return self._document(request, _openapi)
            if path.rstrip('/') == dispatch.MOUNT:
                return dispatch.at_version(
                    request,
                    lambda _version: self._document(request, versions.show),
                )
        return errors.to_response(exception.ResourceNotFound(), '')

    def _document(
        self,
        request: webob.Request,
        document: Callable[[links.LinkBuilder], Mapping[str, Any]],
    ) -> webob.Response:
        builder = links.LinkBuilder(
            request, self._conf.api.compute_link_prefix, ''
        )
        return dispatch.render(document(builder))


def _openapi(builder: links.LinkBuilder) -> Mapping[str, Any]:
    return openapi.document(builder.root('').rstrip('/'))


def cors_factory(
    global_conf: dict[str, str],  # noqa: ARG001 - Paste's signature
    **local_conf: str,  # noqa: ARG001
) -> Callable[[middleware.WSGIApp], middleware.WSGIApp]:
    """The Paste factory of oslo.middleware's CORS filter.

    Its own factory reads configuration files once more, and from elsewhere.
    What no page of another origin sent passes beside the filter, which would
    do nothing for it.
    """

    def build(application: middleware.WSGIApp) -> middleware.WSGIApp:
        filtered = cors.CORS(application, cfg.CONF)

        def choose(environ: dict[str, Any], start_response: Any) -> Any:
            asked = 'HTTP_ORIGIN' in environ
            if asked or environ['REQUEST_METHOD'] == 'OPTIONS':
                return filtered(environ, start_response)
            return application(environ, start_response)

        return choose

    return build


def proxy_headers_factory(
    global_conf: dict[str, str],  # noqa: ARG001 - Paste's signature
    **local_conf: str,  # noqa: ARG001
) -> Callable[[middleware.WSGIApp], middleware.WSGIApp]:
    """The Paste factory of oslo.middleware's HTTPProxyToWSGI.

    There is no filter where ``enable_proxy_headers_parsing`` is off.
    """

    def build(application: middleware.WSGIApp) -> middleware.WSGIApp:
        filtered = http_proxy_to_wsgi.HTTPProxyToWSGI(application, cfg.CONF)
        believed = cfg.CONF.oslo_middleware.enable_proxy_headers_parsing
        return filtered if believed else application

    return build


def overload_factory(
    global_conf: dict[str, str],  # noqa: ARG001 - Paste's signature
    **local_conf: str,  # noqa: ARG001
) -> Callable[[middleware.WSGIApp], middleware.WSGIApp]:
    """The Paste factory of ``Overload``."""
    return overload.make(cfg.CONF)


def urlmap_factory(
    loader: Any,
    global_conf: dict[str, str],
    **local_conf: str,
) -> UrlMap:
    """The Paste factory of ``UrlMap``.

    Its keys are ``versions``, ``compute`` and, optional, ``health``.
    """
    health = local_conf.get('health')
    return UrlMap(
        loader.get_app(local_conf['versions'], global_conf=global_conf),
        loader.get_app(local_conf['compute'], global_conf=global_conf),
        loader.get_app(health, global_conf=global_conf) if health else None,
    )


def versions_factory(
    global_conf: dict[str, str],  # noqa: ARG001 - Paste's signature
    **local_conf: str,  # noqa: ARG001
) -> Versions:
    """The Paste factory of ``Versions``."""
    return Versions(cfg.CONF)


def compute_factory(
    global_conf: dict[str, str],  # noqa: ARG001 - Paste's signature
    **local_conf: str,  # noqa: ARG001
) -> dispatch.Dispatcher:
    """The Paste factory of the API: connects it to database and bus."""
    return dispatch.Dispatcher(_services(cfg.CONF), routes.ROUTES)


def filter_factory(
    global_conf: dict[str, str],  # noqa: ARG001 - Paste's signature
    **local_conf: str,
) -> Callable[[middleware.WSGIApp], middleware.WSGIApp]:
    """The Paste factory of ``ConsoleFilter``.

    Its keys are ``config_file`` and ``only_tokens``; with the second one, true
    or false, it looks up tokens and leaves the rest to Nova. The process is
    another service's, so the configuration is one apart.

    :raises ConfigurationError: the file is missing or no good, or a key is
    """
    conf = embedded.load(cfg.CONF, local_conf.get('config_file'))
    table = (
        beside.TOKEN_ROUTES
        if _boolean(local_conf, 'only_tokens')
        else beside.OWN_ROUTES
    )
    return lambda application: beside.ConsoleFilter(
        application, _services(conf), lambda: _longest_body(cfg.CONF), table
    )


def _boolean(local_conf: Mapping[str, str], name: str) -> bool:
    try:
        return bool(
            strutils.bool_from_string(local_conf.get(name, 'no'), strict=True)
        )
    except ValueError as exc:
        raise exception.ConfigurationError(
            f'the filter option {name}: {exc}'
        ) from exc


def _longest_body(process: cfg.ConfigOpts) -> int:
    """What the sizelimit filter of the process lets through, in bytes."""
    try:
        return int(process.oslo_middleware.max_request_body_size)
    except cfg.NoSuchOptError:
        return beside.LONGEST_ACTION


def _services(conf: cfg.ConfigOpts) -> operation.Services:
    database = db_api.Database(conf)
    agents = agent_rpcapi.AgentAPI(
        conf, rpc.get_transport(conf), proofs.HostProofs(database)
    )
    return operation.Services(
        conf=conf,
        policy=console_policy.Policy(conf),
        directory=_directory(conf, database),
        broker=console_broker.ConsoleBroker(
            database,
            agents,
            conf.consoleauth.token_ttl,
            targets.AllowedTargets(conf.console.allowed_targets),
            tokens.Use(
                conf.consoleauth.token_use == consoleauth.SINGLE,
                conf.consoleauth.reconnect_window,
            ),
        ),
    )


def _directory(
    conf: cfg.ConfigOpts, database: db_api.Database
) -> server_directory.ServerDirectory:
    if conf.servers.directory == 'nova':
        servers = nova.NovaDirectory(conf)
        servers.check()
        return servers
    if conf.servers.directory == 'nova-process':
        return nova_process.NovaProcessDirectory(conf)
    return registry.Registry(database)
