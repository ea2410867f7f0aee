# SPDX-License-Identifier: Apache-2.0
"""Domain errors: each knows its HTTP status and a message safe to show.

An error is built from positional strings only, so that oslo.messaging can
carry it from an agent to a controller and rebuild the same class there.
"""

from typing import ClassVar


class DomainError(Exception):
    """Base of every error that a caller may see.

    ``template`` is formatted with the positional arguments; nothing else of
    the error ever reaches a caller.
    """

    status: ClassVar[int] = 500
    template: ClassVar[str] = 'The service failed.'
    #: Seconds after which the same request may succeed; None: nobody knows.
    retry_after: ClassVar[int | None] = None

    @property
    def public_message(self) -> str:
        """The sentence for the caller: what is wrong and what to do."""
        return self.template.format(*self.args)

    def __str__(self) -> str:
        return self.public_message


class BadRequest(DomainError):
    """The request is wrong in itself; the argument says how."""

    status = 400
    template = '{0}'


class InvalidVersionString(DomainError):
    """A microversion that is not two numbers."""

    status = 400
    template = (
        'API Version String {0} is of invalid format. Must be of format '
        'MajorNum.MinorNum.'
    )


class VersionNotSupported(DomainError):
    """A microversion outside the served range: asked for, minimum, maximum."""

    status = 406
    template = (
        'Version {0} is not supported by the API. Minimum is {1} and maximum '
        'is {2}.'
    )


class ResourceNotFound(DomainError):
    """No such path, or none at this microversion."""

    status = 404
    template = 'The resource could not be found.'


class PolicyNotAuthorized(DomainError):
    """The caller's roles do not allow the rule that is named."""

    status = 403
    template = "Policy doesn't allow {0} to be performed."


class UnsupportedContentType(DomainError):
    """A body in a format that the API does not read."""

    status = 415
    template = 'Unsupported Content-Type'


class RequestTooLarge(DomainError):
    """A body that is longer than is read; the argument is how much that is."""

    status = 413
    template = 'Request is too large. Larger than {0} bytes.'


class HostTaken(DomainError):
    """Another agent answers for the host: host, process."""

    status = 409
    template = 'Another agent answers for host {0}: {1}.'


class HostRefused(DomainError):
    """What speaks for the host is not its agent."""

    status = 403


class HostKeyRefused(HostRefused):
    """What speaks for the host has another key: host."""

    template = (
        'Host {0} is known by another key. If it was set up anew, run on a '
        'controller: console-api-manage agent enrol {0}, and put the word '
        'that it prints into [agent] enrolment_word_file there.'
    )


class HostNotEnrolled(HostRefused):
    """The host has no agent, or what speaks for it is another: host, why."""

    template = (
        'Host {0} is not enrolled: {1}. Run on a controller: '
        'console-api-manage agent enrol {0}, and put the word that it prints '
        'into [agent] enrolment_word_file there.'
    )


class CallerRefused(DomainError):
    """An agent does not know the caller for a controller."""

    status = 403
    template = 'The agent takes calls of the controllers of its host only.'


class InstanceNotFound(DomainError):
    """No such server for this caller, or its guest is gone."""

    status = 404
    template = 'Instance {0} could not be found.'


class InstanceNotReady(DomainError):
    """The server has no host or no guest yet."""

    status = 409
    template = 'Instance {0} is not ready'


class InstanceInvalidState(DomainError):
    """No console in this state: server id, what was asked, state attribute."""

    status = 409
    template = "Cannot '{1}' instance {0} while it is in {2}"


class ConsoleTypeInvalid(DomainError):
    """The type does not exist for the protocol."""

    status = 400
    template = 'Invalid console type {0}'


class ConsoleTypeRemoved(DomainError):
    """The type existed once; no hypervisor driver offers it any more."""

    status = 400
    template = (
        'Invalid console type {0}: consoles of this type were removed. Use '
        'another one.'
    )


class ConsoleTypeUnavailable(DomainError):
    """Disabled in the configuration, or the guest has no such device."""

    status = 400
    template = 'Unavailable console type {0}.'


class ConsoleNotAvailable(DomainError):
    """The guest has no device whose output is kept."""

    status = 404
    template = 'Guest does not have a console available.'


class NotSupported(DomainError):
    """The hypervisor driver cannot do it."""

    status = 501
    template = 'The requested functionality is not supported.'


class TokenNotFound(DomainError):
    """Unknown, expired or revoked, or its port is no longer the server's."""

    status = 404
    template = 'Token not found'


class HostUnavailable(DomainError):
    """The agent of the server's host did not answer in time."""

    status = 503
    template = 'The compute host of instance {0} did not answer.'
    retry_after = 5


class HostBusy(HostUnavailable):
    """The server's host has as many calls as it answers in time."""

    template = 'The compute host of instance {0} is busy. Try again.'
    retry_after = 2


class ServiceBusy(DomainError):
    """There are more requests than this process answers in time."""

    status = 503
    template = 'The service has more requests than it answers. Try again.'
    retry_after = 2


class DatabaseUnavailable(DomainError):
    """The database is away, full or busy; nothing was stored."""

    status = 503
    template = 'The database did not answer.'


class ComputeAPIUnavailable(DomainError):
    """The compute API that knows the servers gave no usable answer."""

    status = 503
    template = 'The compute API did not answer.'


class ComputeAPIBusy(ComputeAPIUnavailable):
    """As many look-ups are under way as may be at once."""

    template = 'The compute API is asked for too many servers. Try again.'
    retry_after = 1


class ConfigurationError(Exception):
    """The service cannot start; the message is one line for the operator."""
