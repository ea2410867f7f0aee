# SPDX-License-Identifier: Apache-2.0
"""The WSGI application: ``module = console_api.wsgi.api:application``.

Nothing else may import this module: it reads the configuration at import, as
WSGI servers want it. ``console_api.service.arguments`` says which variables
of the environment name the configuration files.
"""

import os

from oslo_config import cfg

from console_api import service
from console_api.api import app


def _make() -> object:
    service.prepare(cfg.CONF, service.arguments(os.environ))
    service.start_logging(cfg.CONF)
    return app.load(cfg.CONF)


application = _make()
