# SPDX-License-Identifier: Apache-2.0
"""Tells the operator at the start what keeps Nova from being asked."""

from collections.abc import Callable
import logging
import threading

from console_api import novaapi
from console_api import threads

LOG = logging.getLogger(__name__)

#: Seconds between two questions, while nobody answers.
_PAUSE = 10.0


class StartCheck:
    """Asks in a thread of its own until there is an answer, whichever.

    The proxy does not wait for it: Keystone or Nova may start later. A user
    who is refused is asked about once, as tries with a wrong password can
    lock it.
    """

    def __init__(self, ask: Callable[[], None], pause: float = _PAUSE) -> None:
        self._ask = ask
        self._pause = pause
        self._over = threading.Event()
        self._thread = threads.Supervised('start-check', self._run, self._over)

    def start(self) -> None:
        """Begin to ask."""
        self._thread.start()

    def stop(self) -> None:
        """Ask no more; a question that is under way is left alone."""
        self._over.set()

    def join(self) -> None:
        """Wait for the answer."""
        self._thread.join()

    def _run(self) -> None:
        told = False
        while not self._over.is_set():
            try:
                self._ask()
            except novaapi.RefusedError as exc:
                LOG.error(
                    'No console can be opened, the user in [nova] is '
                    'refused: %s. Check its name, its password and its role.',
                    exc,
                )
                return
            except novaapi.NovaError as exc:
                if not told:
                    LOG.warning(
                        'No console can be opened yet, Nova or Keystone does '
                        'not answer: %s. Asking again every %.0f s.',
                        exc,
                        self._pause,
                    )
                told = True
            else:
                if told:
                    LOG.info('Nova answers; consoles can be opened')
                return
            self._over.wait(self._pause)
