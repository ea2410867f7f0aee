# SPDX-License-Identifier: Apache-2.0
"""What all processes of the API import, for ``shared-import`` of uWSGI.

It is loaded once before uWSGI forks, so that the processes share its memory.
Nothing is configured or opened here, which a process must do itself.
"""

import gc
import importlib
from importlib import metadata

#: The application, and what the pipeline and the bus load by name.
_MODULES = (
    'console_api.api.app',
    'keystonemiddleware.auth_token',
)
_DRIVERS = 'oslo.messaging.drivers'

for _name in _MODULES:
    importlib.import_module(_name)
for _driver in metadata.entry_points(group=_DRIVERS, name='rabbit'):
    _driver.load()
# The collector writes into what it looks at, and a page that is written to is
# not shared any more.
gc.collect()
gc.freeze()
