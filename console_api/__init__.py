# SPDX-License-Identifier: Apache-2.0
"""Remote consoles for OpenStack-like clouds."""

from collections.abc import Iterator
import contextlib
import importlib
import sys

from oslo_service import backend


@contextlib.contextmanager
def _without_eventlet() -> Iterator[None]:
    """Let imports of eventlet fail as they do where it is not installed.

    If it has been imported already, it is what the process runs on.
    """
    if 'eventlet' in sys.modules:
        yield
        return
    # How the import system itself marks a module that is not there.
    sys.modules['eventlet'] = None  # type: ignore[assignment]
    try:
        yield
    finally:
        del sys.modules['eventlet']


# Importing oslo.messaging makes oslo.service choose its backend, and its
# choice is eventlet wherever that is installed, which is everywhere: it is a
# requirement of oslo.service. Only this module is sure to be imported before;
# a host process that has chosen already keeps its choice.
#
# Both oslo.service and oslo.messaging look for eventlet even so, only to know
# whether it is there. That would import a resolver of DNS and all of
# cryptography with it, 9 to 17 MiB of a process, which nothing can use once
# the threads are chosen.
with _without_eventlet():
    with contextlib.suppress(backend.exceptions.BackendAlreadySelected):
        backend.init_backend(backend.BackendType.THREADING)
    importlib.import_module('oslo_messaging')
