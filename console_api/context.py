# SPDX-License-Identifier: Apache-2.0
"""Who asks, and under which request id."""

from collections.abc import Mapping
from typing import Any

from oslo_context import context

#: What a field may have, in characters.
_LONGEST = 255
_RPC_FIELDS = ('request_id', 'global_request_id', 'user_id', 'project_id')


class RequestContext(context.RequestContext):
    """The caller of one request, as Keystone or noauth named it."""

    #: What an agent knows a controller by; for calls of that agent alone.
    agent_proof: str | None = None

    def proving(self, proof: str | None) -> 'RequestContext':
        """The same, for a call of an agent that wants this proof."""
        proven = RequestContext.from_rpc(self.for_rpc())
        proven.agent_proof = proof
        return proven

    def for_rpc(self) -> dict[str, Any]:
        """The fields that may cross the message bus: no token, no roles."""
        fields = {name: getattr(self, name) for name in _RPC_FIELDS}
        if self.agent_proof is not None:
            fields['agent_proof'] = self.agent_proof
        return fields

    @classmethod
    def from_rpc(cls, values: Mapping[str, Any]) -> 'RequestContext':
        """The context that ``for_rpc`` described; unknown fields are left."""
        fields: dict[str, Any] = {
            name: _believed(values.get(name)) for name in _RPC_FIELDS
        }
        made = cls(**fields, overwrite=False)
        made.agent_proof = values.get('agent_proof')
        return made


def _believed(value: object) -> str | None:
    # Others than controllers send calls, and all of it goes into the log.
    if not isinstance(value, str) or not value.isprintable():
        return None
    return value if len(value) <= _LONGEST else None


def service_context() -> RequestContext:
    """The context of work that no request asked for, with an id of its own."""
    return RequestContext(overwrite=False)
