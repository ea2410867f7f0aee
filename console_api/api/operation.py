# SPDX-License-Identifier: Apache-2.0
"""What a controller method is called with and at which microversions."""

from collections.abc import Callable
from collections.abc import Mapping
import dataclasses
from typing import Any

from oslo_config import cfg

from console_api import context as console_context
from console_api import exception
from console_api import policy as console_policy
from console_api.api import links
from console_api.api import microversion
from console_api.api import validation
from console_api.consoles import broker as console_broker
from console_api.servers import directory as server_directory


@dataclasses.dataclass(frozen=True)
class Services:
    """What the controllers work with; one set a process."""

    conf: cfg.ConfigOpts
    policy: console_policy.Policy
    directory: server_directory.ServerDirectory
    broker: console_broker.ConsoleBroker


@dataclasses.dataclass(frozen=True)
class Call:
    """One request, after its version, body and query were checked.

    ``params`` are the variables of the path, ``query`` the last value of each
    query parameter. ``body`` is what the body's schema accepted; that of an
    action has the action's name as its key.
    """

    context: console_context.RequestContext
    version: microversion.Version
    params: Mapping[str, str]
    query: Mapping[str, str]
    body: Any
    links: links.LinkBuilder


#: A controller method: checks policy, calls one use case, shapes the answer.
Handler = Callable[[Any, Call], Mapping[str, Any]]


@dataclasses.dataclass(frozen=True)
class Operation:
    """A controller method at a range of microversions, both ends included."""

    since: microversion.Version
    until: microversion.Version
    query: validation.Schema
    body: validation.Schema | None
    response: validation.Schema


def operation(
    since: str,
    until: str | None = None,
    *,
    query: validation.Schema,
    body: validation.Schema | None = None,
    response: validation.Schema,
) -> Callable[[Handler], Handler]:
    """Serve a method from one microversion to another with these schemas.

    Stack it for a method whose schemas change; the ranges must not overlap.
    """
    added = Operation(
        since=microversion.Version.parse(since),
        until=(
            microversion.MAX_VERSION
            if until is None
            else microversion.Version.parse(until)
        ),
        query=query,
        body=body,
        response=response,
    )

    def decorate(method: Handler) -> Handler:
        known = operations_of(method)
        for other in known:
            if added.since <= other.until and other.since <= added.until:
                raise ValueError(f'{method.__name__}: ranges overlap')
        method.operations = (added, *known)  # type: ignore[attr-defined]
        return method

    return decorate


def operations_of(method: Handler) -> tuple[Operation, ...]:
    """The ranges that a method is served at, the first one first."""
    found: tuple[Operation, ...] = getattr(method, 'operations', ())
    return found


def faults(
    *errors: type[exception.DomainError],
) -> Callable[[Handler], Handler]:
    """Say which errors a method may end with, at whichever microversion.

    Those that every request may end with need not be named: of the version,
    the path, the caller, the body and its schema.
    """

    def decorate(method: Handler) -> Handler:
        method.faults = errors  # type: ignore[attr-defined]
        return method

    return decorate


def faults_of(method: Handler) -> tuple[type[exception.DomainError], ...]:
    """The errors that a method says it may end with."""
    found: tuple[type[exception.DomainError], ...] = getattr(
        method, 'faults', ()
    )
    return found


def find(method: Handler, version: microversion.Version) -> Operation | None:
    """How the method is served at this version, if it is."""
    for candidate in operations_of(method):
        if candidate.since <= version <= candidate.until:
            return candidate
    return None
