# SPDX-License-Identifier: Apache-2.0
"""Who may come in: Origin and token, before anything is connected to."""

from console_api import exception
from console_api.consoles import tokens
from console_api.consoles import types
from console_api.proxy import authority
from console_api.proxy import closing
from console_api.proxy import origin
from console_api.proxy import upgrade


def admit(
    wanted: upgrade.Upgrade, origins: frozenset[origin.Origin]
) -> tokens.Token:
    """The token, if the request may come with one at all.

    :raises EndedError: a wrong Origin, or no token that can be one
    """
    if wanted.origin is not None:
        allowed = origin.is_allowed(
            wanted.origin, origin.of_host(wanted.scheme, wanted.host), origins
        )
        if not allowed:
            raise closing.EndedError(
                closing.BAD_ORIGIN, repr(wanted.origin[:200])
            )
    if wanted.token is None:
        raise closing.EndedError(
            closing.BAD_TOKEN, 'none was sent, or not one that can be'
        )
    if wanted.from_cookie and wanted.origin is None:
        # A browser sends cookies for any page; only the Origin tells.
        raise closing.EndedError(
            closing.BAD_TOKEN, 'a cookie without an Origin'
        )
    return wanted.token


async def authorize(
    asked: authority.Authority,
    token: tokens.Token,
    key: tokens.SessionKey | None = None,
) -> types.ConsoleGrant:
    """What the token grants to the client that is known by this key.

    ``asked`` gives up by itself after a while, with a TimeoutError.

    :raises EndedError: nothing, or the authority does not answer
    """
    try:
        return await asked.authorize(token.reveal(), key)
    except exception.TokenNotFound:
        raise closing.EndedError(closing.BAD_TOKEN) from None
    except (exception.HostBusy, exception.ServiceBusy):
        raise closing.EndedError(closing.BUSY) from None
    except (exception.HostUnavailable, TimeoutError):
        raise closing.EndedError(closing.NO_ANSWER) from None
