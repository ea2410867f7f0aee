# SPDX-License-Identifier: Apache-2.0
"""Those outside the proxy who are told of its sessions."""

from collections.abc import Mapping
import dataclasses
from typing import Protocol

from console_api.proxy import tally


class Announcer(Protocol):
    """Sends notifications; never waits."""

    @property
    def counts(self) -> Mapping[str, int]:
        """How many were sent, dropped, or failed."""
        ...

    def announce(self, event: str, facts: Mapping[str, object]) -> None:
        """Send this soon, or drop it where that cannot be."""
        ...


@dataclasses.dataclass(frozen=True)
class Outlook:
    """Those who are told of the sessions of one event loop."""

    counted: tally.Tally = dataclasses.field(default_factory=tally.Tally)
    #: None where there are no notifications.
    announcer: Announcer | None = None
