# SPDX-License-Identifier: Apache-2.0
"""Remote consoles for OpenStack-like clouds."""

import contextlib
import warnings

from oslo_service import backend

# Importing oslo.messaging makes oslo.service choose its backend, and its
# choice is eventlet wherever that is installed, which is everywhere: it is a
# requirement of oslo.service. Only this module is sure to be imported before;
# a host process that has chosen already keeps its choice. What is imported
# on the way looks for eventlet and so makes it warn of itself.
with (
    warnings.catch_warnings(),
    contextlib.suppress(backend.exceptions.BackendAlreadySelected),
):
    warnings.filterwarnings('ignore', message=r'\s*Eventlet is deprecated')
    backend.init_backend(backend.BackendType.THREADING)
