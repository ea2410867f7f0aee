# SPDX-License-Identifier: Apache-2.0
"""How often a process that carries many sessions looks for garbage."""

import gc

#: New objects until the next look. Opening a session takes about a thousand,
#: nearly all of which it frees itself: with the default of 700 each session
#: makes the collector look at its neighbours.
_YOUNG = 20_000


def settle() -> None:
    """Leave what a process has loaded by now out of all later looks.

    To be called once in the life of a process, when it is ready to serve.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(_YOUNG, *gc.get_threshold()[1:])
