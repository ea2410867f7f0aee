# SPDX-License-Identifier: Apache-2.0
"""WSGI filters that say who the caller is."""

from collections.abc import Callable
from collections.abc import Collection
from collections.abc import Iterable
from collections.abc import Mapping
import ipaddress
from typing import Any

from oslo_config import cfg
from oslo_middleware import cors

from console_api import context as console_context
from console_api.api import errors
from console_api.api import middleware

#: Where the filters leave the caller's context.
CONTEXT = 'console_api.context'

#: The project and user of a caller who does not name any.
NOAUTH_PROJECT = 'standalone'

#: What Keystone's bootstrap makes one role imply.
_IMPLIED = {
    'admin': ('manager', 'member', 'reader'),
    'manager': ('member', 'reader'),
    'member': ('reader',),
}


class KeystoneContext:
    """Takes the caller from the headers that keystonemiddleware set."""

    def __init__(self, application: middleware.WSGIApp) -> None:
        self._application = application

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Any:
        """Answer 401 to a caller without a user, else pass on."""
        context = console_context.RequestContext.from_environ(environ)
        if not context.user_id:
            refusal = errors.fault(401, errors.reason(401))
            return refusal(environ, start_response)
        environ[CONTEXT] = context
        return self._application(environ, start_response)


class NoAuthContext:
    """Believes what the caller says of itself; for one host and tests.

    ``X-Auth-Token: user[:project[:role,role...]]``. Without the header, or
    without a colon in it, the caller is an admin of project ``standalone``.
    With a project and no roles it is a member. A request from another
    machine is refused, also one that a proxy on this host passed on: the
    filter belongs before any that believes in ``X-Forwarded-For``. So is one
    for another name than this host's own: a web page whose name has been
    made to lead here would otherwise speak for the user. And so is one that a
    browser sends for a page of another site, unless the site is among the
    ``allowed_origins``, those of ``[cors]``.
    """

    def __init__(
        self,
        application: middleware.WSGIApp,
        allowed_origins: Collection[str] = (),
    ) -> None:
        self._application = application
        self._allowed = frozenset(allowed_origins)

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Any:
        """Answer 401 to a caller from elsewhere, 403 to a page of elsewhere.

        All others are passed on.
        """
        if self._is_of_foreign_page(environ):
            refusal = errors.fault(
                403,
                'Without authentication, this service does not answer pages '
                'of other sites. [cors] allowed_origin names exceptions.',
            )
            return refusal(environ, start_response)
        if not _is_local(environ):
            refusal = errors.fault(
                401,
                'Without authentication, this service answers to its own '
                'host only.',
            )
            return refusal(environ, start_response)
        user, project, roles = _claims(environ.get('HTTP_X_AUTH_TOKEN'))
        environ[CONTEXT] = console_context.RequestContext.from_environ(
            environ,
            auth_token=None,
            user_id=user,
            project_id=project,
            roles=roles,
        )
        return self._application(environ, start_response)

    def _is_of_foreign_page(self, environ: Mapping[str, Any]) -> bool:
        # Browsers set both headers, and no page can. Only some requests have
        # an Origin: a page may send a form (it has one), or show what is here
        # as a picture (it has none). What is no browser sends neither.
        origin = environ.get('HTTP_ORIGIN')
        if origin is None:
            site = environ.get('HTTP_SEC_FETCH_SITE', 'none')
            return site not in ('none', 'same-origin')
        own = f'{environ["wsgi.url_scheme"]}://{environ.get("HTTP_HOST", "")}'
        return origin != own and not self._allowed & {origin, '*'}


def _is_local(environ: Mapping[str, Any]) -> bool:
    if 'HTTP_FORWARDED' in environ:
        return False
    addresses = environ.get('HTTP_X_FORWARDED_FOR', '').split(',')
    # It is empty for a Unix socket, which something else may offer to
    # browsers, and missing where a test calls without a server.
    if 'REMOTE_ADDR' in environ:
        addresses.append(environ['REMOTE_ADDR'])
        addresses.append(_host_name(environ.get('HTTP_HOST', '')))
    return all(is_loopback(a.strip()) for a in addresses if a.strip())


def _host_name(host: str) -> str:
    """The name or address in a Host header, without port and brackets."""
    if host.startswith('['):
        return host[1:].partition(']')[0]
    return host.partition(':')[0]


def is_loopback(address: str) -> bool:
    """Whether only this host can be at that address."""
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return address == 'localhost'


def _claims(token: str | None) -> tuple[str, str, list[str]]:
    if token is None or ':' not in token:
        return token or NOAUTH_PROJECT, NOAUTH_PROJECT, _expand(['admin'])
    user, project, *rest = token.split(':', 2)
    named = rest[0].split(',') if rest else ['member']
    return user, project, _expand(role.strip() for role in named)


def _expand(roles: Iterable[str]) -> list[str]:
    found = {role for role in roles if role}
    for role in tuple(found):
        found.update(_IMPLIED.get(role, ()))
    return sorted(found)


def keystone_factory(
    global_conf: dict[str, str],  # noqa: ARG001 - Paste's signature
    **local_conf: str,  # noqa: ARG001
) -> Callable[[middleware.WSGIApp], middleware.WSGIApp]:
    """The Paste factory of ``KeystoneContext``."""
    return KeystoneContext


def noauth_factory(
    global_conf: dict[str, str],  # noqa: ARG001 - Paste's signature
    **local_conf: str,  # noqa: ARG001
) -> Callable[[middleware.WSGIApp], middleware.WSGIApp]:
    """The Paste factory of ``NoAuthContext``."""
    conf = cfg.CONF
    conf.register_opts(cors.OPTS, group='cors')
    allowed = conf.cors.allowed_origin or ()
    return lambda application: NoAuthContext(application, allowed)
