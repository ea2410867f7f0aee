# SPDX-License-Identifier: Apache-2.0
"""Steps of a session that must not take for ever."""

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

from console_api.proxy import closing

_T = TypeVar('_T')


async def within(
    seconds: float, step: Awaitable[_T], ending: closing.Ending
) -> _T:
    """The result of a step that ends the session if it takes longer."""
    try:
        async with asyncio.timeout(seconds):
            return await step
    except TimeoutError:
        raise closing.EndedError(ending, 'timed out') from None
