# SPDX-License-Identifier: Apache-2.0
"""The configuration of a part that runs inside another service's process."""

import pathlib
from typing import Any

from oslo_config import cfg

from console_api import conf as console_conf
from console_api import exception
from console_api import version

_DEFAULT_FILE = '/etc/console-api/console-api.conf'

#: oslo.messaging makes these known to the process's own configuration alone,
#: and reads them from whichever one it was given.
_GROUPS_OF_THE_PROCESS = frozenset(
    {'oslo_messaging_metrics', 'oslo_messaging_tracing'}
)


class EmbeddedConfig(cfg.ConfigOpts):
    """A configuration of its own beside ``process``, that of the process.

    Nothing is registered with that one or changed in it. Options that belong
    to the process as a whole are the exception: they are taken from there.
    """

    def __init__(self, process: cfg.ConfigOpts) -> None:
        super().__init__()
        self._process = process

    def __getattr__(self, name: str) -> Any:
        """The value of an option, or a group."""
        if name in _GROUPS_OF_THE_PROCESS:
            return getattr(self._process, name)
        return super().__getattr__(name)


def load(process: cfg.ConfigOpts, config_file: str | None) -> cfg.ConfigOpts:
    """The configuration of this file; logging stays the process's own.

    :raises ConfigurationError: there is no such file, or it is no good
    """
    path = pathlib.Path(config_file or _DEFAULT_FILE)
    if not path.is_file():
        raise exception.ConfigurationError(
            f'there is no configuration file {path}; the filter option '
            'config_file names it'
        )
    conf = EmbeddedConfig(process)
    console_conf.register_opts(conf)
    try:
        conf(
            [],
            project='console-api',
            version=version.version_string(),
            default_config_files=[str(path)],
            default_config_dirs=[],
        )
    except cfg.Error as exc:
        raise exception.ConfigurationError(str(exc)) from exc
    return conf
