# SPDX-License-Identifier: Apache-2.0
"""The secret with which a client comes back when its token is used.

A browser keeps it in a cookie that no script sees and that goes to this proxy
alone. Its name belongs to one token, so that consoles in several tabs do not
take each other's.
"""

import time

from console_api.consoles import tokens
from console_api.consoles import types
from console_api.proxy import request
from console_api.proxy import upgrade

_PREFIX = 'console-session-'
#: So much of a token's hash tells it from the others of one browser.
_NAME_DIGITS = 16


class Pass:
    """What one client is known by: the secret it may get, and its own."""

    __slots__ = ('_name', '_secret', '_wanted', 'key')

    def __init__(self, wanted: upgrade.Upgrade, token: tokens.Token) -> None:
        self._wanted = wanted
        self._name = f'{_PREFIX}{token.digest()[:_NAME_DIGITS]}'
        self._secret = tokens.Token.new()
        shown = set(upgrade.cookie_values(wanted.cookies, self._name))
        own = tokens.Token(shown.pop()) if len(shown) == 1 else None
        self.key = tokens.SessionKey(
            self._secret.digest(), None if own is None else own.digest()
        )

    def headers(self, grant: types.ConsoleGrant) -> list[request.Header]:
        """What gives the client its secret, if it is to have one."""
        if grant.rejoin_until is None:
            return []
        left = max(grant.rejoin_until - int(time.time()), 0)
        # Without a Path it is for the path that the browser has asked for,
        # which another proxy in front may have changed.
        parts = [
            f'{self._name}={self._secret.reveal()}',
            f'Max-Age={left}',
            'HttpOnly',
            'SameSite=Strict',
        ]
        if self._wanted.scheme == 'https':
            parts.append('Secure')
        return [('Set-Cookie', '; '.join(parts))]
