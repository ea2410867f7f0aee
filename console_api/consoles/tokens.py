# SPDX-License-Identifier: Apache-2.0
"""Console tokens: made by an agent, shown once, stored as a hash."""

import dataclasses
import hashlib
import secrets

#: 256 bits: nobody guesses one in the time that it lives.
_TOKEN_BYTES = 32


class Token:
    """A secret that does not show itself in logs and tracebacks."""

    __slots__ = ('_value',)

    def __init__(self, value: str) -> None:
        self._value = value

    @classmethod
    def new(cls) -> 'Token':
        """An unguessable token that URLs and commands take as it is."""
        return cls(secrets.token_hex(_TOKEN_BYTES))

    def reveal(self) -> str:
        """The token itself, for the one who may have it."""
        return self._value

    def digest(self) -> str:
        """Its SHA-256 in hexadecimal: what is stored and compared."""
        return hashlib.sha256(
            self._value.encode('utf-8', 'surrogatepass')
        ).hexdigest()

    def __repr__(self) -> str:
        return '<Token>'


@dataclasses.dataclass(frozen=True)
class SessionKey:
    """By what the client of a session is known when it comes back.

    Both are hashes, as ``Token.digest`` makes them: of the secret that it
    gets if its session is the first of the token, and of the one that it has
    shown, if any.
    """

    offered: str
    shown: str | None = None


@dataclasses.dataclass(frozen=True)
class Use:
    """How often a token lets somebody in.

    With ``single``, for one session. Its client may come back with its secret
    for ``window`` seconds after the session began.
    """

    single: bool = False
    window: int = 0
