# SPDX-License-Identifier: Apache-2.0
"""Who may call an agent: those who have its host in their database.

The bus does not keep agents from each other. Whoever answers calls on
RabbitMQ may publish to every queue by its name, as replies are.
"""

from collections.abc import Callable
import functools
import hashlib
import hmac
from typing import Any

from oslo_log import log as logging
import oslo_messaging

from console_api import context as console_context
from console_api import exception
from console_api.agent import rpcapi
from console_api.consoles import types

LOG = logging.getLogger(__name__)

#: An agent that starts asks who else answers for its host, and may not have
#: the same key.
_OPEN = frozenset({'identify'})


class Guarded:
    """An endpoint that answers to those who prove to be controllers."""

    def __init__(self, endpoint: object, key: types.Secret) -> None:
        self._endpoint = endpoint
        self.target: Any = getattr(endpoint, 'target', None)
        digest = hashlib.sha256(key.reveal().encode('ascii')).hexdigest()
        self._proof = types.Secret(rpcapi.proof(digest))

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._endpoint, name)
        return method if name in _OPEN else self._guarded(name, method)

    def _guarded(
        self, name: str, method: Callable[..., Any]
    ) -> Callable[..., Any]:
        @functools.wraps(method)
        def call(
            ctxt: console_context.RequestContext, **arguments: Any
        ) -> Any:
            self._check(ctxt, name)
            return method(ctxt, **arguments)

        return call

    @oslo_messaging.expected_exceptions(exception.CallerRefused)
    def _check(self, ctxt: console_context.RequestContext, name: str) -> None:
        shown = ctxt.agent_proof
        if isinstance(shown, str) and hmac.compare_digest(
            shown.encode(), self._proof.reveal().encode()
        ):
            return
        LOG.error(
            'A call of %s is refused: who made it does not know this host '
            'from the database',
            name,
        )
        raise exception.CallerRefused()
