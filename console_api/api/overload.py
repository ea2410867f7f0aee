# SPDX-License-Identifier: Apache-2.0
"""Answers 503 at once to what could not be answered in time."""

from collections.abc import Callable
from collections.abc import MutableMapping
from typing import Any

from oslo_config import cfg

from console_api import bulkhead
from console_api import exception
from console_api.api import errors
from console_api.api import middleware

#: For each that is worked on so many wait, who leave threads to the refused.
_LINE = 2
#: All requests are of one kind.
_REQUESTS = 'requests'


class Overload:
    """Lets so many requests through at once, and few others wait.

    A process works on ``most`` requests. One that would wait for more than
    ``wait`` seconds until it is worked on, by the time that the last ones
    took, is refused instead, and so is one behind twice as many others. The
    WSGI server needs threads for those that wait and for those that are
    refused: without, requests wait in its own queue, where nobody sees them.
    """

    def __init__(
        self, application: middleware.WSGIApp, most: int, wait: float
    ) -> None:
        self._application = application
        self._turns = bulkhead.ThreadBulkheads(
            bulkhead.Limits(most, wait, memory=0, wait=wait, line=_LINE * most)
        )

    def __call__(
        self, environ: MutableMapping[str, Any], start_response: Any
    ) -> Any:
        """Pass the request on in its turn, or refuse it."""
        try:
            turn = self._turns.begin(_REQUESTS)
        except bulkhead.RefusedError:
            refusal = errors.to_response(exception.ServiceBusy(), '')
            return refusal(environ, start_response)
        try:
            # The body is complete by then: nothing here streams.
            return self._application(environ, start_response)
        finally:
            self._turns.end(turn)


def make(
    conf: cfg.ConfigOpts,
) -> Callable[[middleware.WSGIApp], middleware.WSGIApp]:
    """The filter with the limits of group ``[api]``."""
    return lambda application: Overload(
        application, conf.api.max_requests, conf.api.max_wait
    )
