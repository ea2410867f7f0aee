# SPDX-License-Identifier: Apache-2.0
"""Counts the sessions of one event loop, and what they carry."""

import collections

from console_api.consoles import types
from console_api.proxy import closing
from console_api.proxy import relay

#: Stands for a type that is in no table.
OTHER = 'other'
#: What may come of a request for a .vv file.
FILE_OUTCOMES = (
    'made',
    'bad_token',
    'no_answer',
    'busy',
    'unfit',
    'internal',
)


class Tally:
    """Counts from the start of the process on; nothing is ever taken back.

    A session starts when its token is accepted. What ends before that is a
    refusal.
    """

    def __init__(self) -> None:
        self.started: collections.Counter[str] = collections.Counter()
        #: By type and name of the ending.
        self.ended: collections.Counter[tuple[str, str]] = (
            collections.Counter()
        )
        #: By name of the ending.
        self.refused: collections.Counter[str] = collections.Counter()
        #: Requests for .vv files, by what came of them.
        self.files: collections.Counter[str] = collections.Counter()
        #: Connections that were closed before anything of them was read.
        self.turned_away = 0
        self._from_guests: collections.Counter[str] = collections.Counter()
        self._from_clients: collections.Counter[str] = collections.Counter()
        # The relays count for themselves, and are summed when one asks: what
        # every byte goes through does nothing more for it.
        self._live: dict[relay.Relay, str] = {}

    def start(self, console_type: str) -> None:
        """A token for such a console was accepted."""
        self.started[label(console_type)] += 1

    def carry(self, console_type: str, carried: relay.Relay) -> None:
        """A session of this type carries data from now on."""
        self._live[carried] = label(console_type)

    def refuse(self, ending: closing.Ending) -> None:
        """It ended for this reason before its token was accepted."""
        self.refused[closing.name_of(ending)] += 1

    def end(
        self,
        console_type: str,
        ending: closing.Ending,
        carried: relay.Relay | None,
    ) -> None:
        """A session that had started is over."""
        name = label(console_type)
        self.ended[name, closing.name_of(ending)] += 1
        if carried is not None and carried in self._live:
            del self._live[carried]
            self._from_guests[name] += carried.guest.count
            self._from_clients[name] += carried.client.count

    def sessions(self) -> collections.Counter[str]:
        """How many sessions of each type there are now."""
        now = self.started.copy()
        for (name, _), count in self.ended.items():
            now[name] -= count
        return now

    def carried(
        self,
    ) -> tuple[collections.Counter[str], collections.Counter[str]]:
        """Bytes from the guests and from the clients, by type."""
        from_guests = self._from_guests.copy()
        from_clients = self._from_clients.copy()
        for carried, name in self._live.items():
            from_guests[name] += carried.guest.count
            from_clients[name] += carried.client.count
        return from_guests, from_clients


def label(console_type: str) -> str:
    """The type, if it is one of the table."""
    return console_type if console_type in types.CONSOLE_TYPES else OTHER
