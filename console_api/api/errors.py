# SPDX-License-Identifier: Apache-2.0
"""The one place where an error becomes an HTTP answer."""

import http
import json

from oslo_log import log as logging
import webob
import webob.exc

from console_api import exception

LOG = logging.getLogger(__name__)

_FAULTS = {
    400: 'badRequest',
    401: 'unauthorized',
    403: 'forbidden',
    404: 'itemNotFound',
    405: 'badMethod',
    409: 'conflictingRequest',
    413: 'overLimit',
    415: 'badMediaType',
    429: 'overLimit',
    501: 'notImplemented',
    503: 'serviceUnavailable',
}


def fault_name(status: int) -> str:
    """The key under which the body of an error says what went wrong."""
    return _FAULTS.get(status, 'computeFault')


def fault_body(status: int, message: str) -> bytes:
    """The body of an error: ``{"<fault>": {"code", "message"}}``."""
    name = fault_name(status)
    return json.dumps({name: {'code': status, 'message': message}}).encode()


def is_fault(status: int, body: bytes) -> bool:
    """Whether a body is one of ``fault_body``, and so needs no other."""
    end = len(b'""}}')
    return body.startswith(fault_body(status, '')[:-end])


def fault(
    status: int, message: str, retry_after: int | None = None
) -> webob.Response:
    """An error as an answer in JSON; when to try again is in seconds."""
    response = webob.Response(
        status=status,
        body=fault_body(status, message),
        content_type='application/json',
        charset=None,
    )
    if retry_after is not None:
        response.headers['Retry-After'] = str(retry_after)
    return response


def to_response(exc: Exception, request_id: str) -> webob.Response:
    """The answer to an exception; what is unexpected is logged, not told."""
    if isinstance(exc, exception.DomainError):
        return fault(exc.status, exc.public_message, exc.retry_after)
    if isinstance(exc, webob.exc.HTTPException):
        return fault(exc.status_int, exc.detail or exc.explanation)
    LOG.exception('Unexpected error in request %s', request_id, exc_info=exc)
    return fault(
        500,
        'Unexpected API error. Give the administrator of this cloud the '
        f'request id {request_id}.',
    )


def reason(status: int) -> str:
    """The standard words for a status, where nothing better is known."""
    if status == http.HTTPStatus.UNAUTHORIZED:
        return 'The request needs a valid token.'
    try:
        return http.HTTPStatus(status).description or (
            http.HTTPStatus(status).phrase
        )
    except ValueError:
        return 'The request failed.'
