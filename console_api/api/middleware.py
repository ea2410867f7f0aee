# SPDX-License-Identifier: Apache-2.0
"""WSGI filters around the application: request id, faults, request log."""

from collections.abc import Callable
from collections.abc import MutableMapping
import re
import time
from typing import Any

from oslo_log import log as logging
from oslo_middleware import request_id
import webob

from console_api import context as console_context
from console_api.api import errors

LOG = logging.getLogger(__name__)

#: ``environ``, which filters write into, and ``start_response``. The body is
#: typed by those who read it; webob's answers carry no types.
WSGIApp = Callable[..., Any]

#: A URL in the log is cut to so many characters.
_LONGEST = 2000
_NOSNIFF = ('X-Content-Type-Options', 'nosniff')

#: Where oslo.middleware puts the id of the request.
REQUEST_ID = 'openstack.request_id'

# Whatever follows: a token may hold slashes and blanks by mistake.
_TOKEN_IN_PATH = re.compile(r'(/os-console-auth-tokens/).+', re.DOTALL)
# In the URL of a noVNC console the equals sign is encoded.
_TOKEN_IN_QUERY = re.compile(r'(token(?:=|%3D))[^&]+', re.IGNORECASE)


class RequestId(request_id.RequestId):
    """oslo.middleware's request id, under Nova's second name too."""

    compat_headers = ['x-compute-request-id']


class Faults:
    """Every error leaves as JSON: whatever is raised or answered inside."""

    def __init__(self, application: WSGIApp) -> None:
        self._application = application

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Any:
        """Answer, or translate the error."""
        # Only an error is worth a webob.Response: most answers pass here
        # untouched.
        try:
            status, headers, body = webob.Request(environ).call_application(
                self._application
            )
        except Exception as exc:  # noqa: BLE001 - nothing may pass this
            response = errors.to_response(exc, environ.get(REQUEST_ID, ''))
            response.headers.add(*_NOSNIFF)
            return response(environ, start_response)
        if status[0] in '45':
            response = webob.Response(
                status=status, headerlist=headers, app_iter=body
            )
            if not errors.is_fault(response.status_int, response.body):
                _as_json(response)
            response.headers.add(*_NOSNIFF)
            return response(environ, start_response)
        start_response(status, [*headers, _NOSNIFF])
        return body


def _as_json(response: webob.Response) -> None:
    body = errors.fault_body(
        response.status_int, errors.reason(response.status_int)
    )
    response.content_type = 'application/json'
    response.charset = None
    response.body = body


class RequestLog:
    """One line a request: who asked, what for, the status and the time."""

    def __init__(self, application: WSGIApp) -> None:
        self._application = application

    def __call__(
        self, environ: MutableMapping[str, Any], start_response: Any
    ) -> Any:
        """Pass the request on and log its answer."""
        start = time.monotonic()
        # What this thread logs from now on belongs to this request; a filter
        # further inside knows who the caller is and replaces this context.
        console_context.RequestContext(request_id=environ.get(REQUEST_ID))

        def logging_start_response(
            status: str, headers: list[tuple[str, str]], *args: Any
        ) -> Any:
            self._log(environ, status, headers, time.monotonic() - start)
            return start_response(status, headers, *args)

        return self._application(environ, logging_start_response)

    @staticmethod
    def _log(
        environ: MutableMapping[str, Any],
        status: str,
        headers: list[tuple[str, str]],
        seconds: float,
    ) -> None:
        names = {name.lower(): value for name, value in headers}
        LOG.info(
            '%(remote)s "%(method)s %(url)s" status: %(status)s len: '
            '%(length)s microversion: %(version)s time: %(seconds).3f',
            {
                'remote': _one_line(environ.get('REMOTE_ADDR', '-')),
                'method': _one_line(environ['REQUEST_METHOD']),
                'url': redacted_url(environ),
                'status': status.split(' ', 1)[0],
                'length': names.get('content-length', '-'),
                'version': names.get('x-openstack-nova-api-version', '-'),
                'seconds': seconds,
            },
        )


def redacted_url(environ: MutableMapping[str, Any]) -> str:
    """Path and query of a request without a console token in them."""
    path = environ.get('SCRIPT_NAME', '') + environ.get('PATH_INFO', '')
    query = environ.get('QUERY_STRING', '')
    url = _TOKEN_IN_PATH.sub(r'\1***', path)
    if query:
        url += '?' + _TOKEN_IN_QUERY.sub(r'\1***', query)
    return _one_line(url)


def _one_line(text: str) -> str:
    # A line break in a request must not start a line of the log.
    line = text.encode('unicode_escape').decode('ascii')
    return line if len(line) <= _LONGEST else f'{line[:_LONGEST]}...'


def request_id_factory(
    global_conf: dict[str, str], **local_conf: str
) -> Callable[[WSGIApp], WSGIApp]:
    """The Paste factory of ``RequestId``."""
    return RequestId.factory(global_conf, **local_conf)


def fault_factory(
    global_conf: dict[str, str],  # noqa: ARG001 - Paste's signature
    **local_conf: str,  # noqa: ARG001
) -> Callable[[WSGIApp], WSGIApp]:
    """The Paste factory of ``Faults``."""
    return Faults


def request_log_factory(
    global_conf: dict[str, str],  # noqa: ARG001 - Paste's signature
    **local_conf: str,  # noqa: ARG001
) -> Callable[[WSGIApp], WSGIApp]:
    """The Paste factory of ``RequestLog``."""
    return RequestLog
