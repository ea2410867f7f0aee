# SPDX-License-Identifier: Apache-2.0
"""What every process does first, and how it waits for its end."""

from collections.abc import Callable
from collections.abc import Mapping
from collections.abc import Sequence
import pathlib
import queue
import signal
import sys

from oslo_config import cfg
from oslo_log import log as logging

from console_api import conf as console_conf
from console_api import exception
from console_api import systemd
from console_api import version

PROJECT = 'console_api'
#: ``/etc/console-api/console-api.conf``, and the same below the home.
_CONFIG_DIRS = 'console-api'

#: Where an application without a command line finds its configuration.
_DIR_VARIABLE = 'OS_CONSOLE_API_CONFIG_DIR'
_FILES_VARIABLE = 'OS_CONSOLE_API_CONFIG_FILES'

LOG = logging.getLogger(__name__)


def prepare(
    conf: cfg.ConfigOpts, argv: Sequence[str], files: bool = True
) -> None:
    """Register options and read the configuration.

    Without ``files``, those that lie at the usual places are not read.

    :raises ConfigurationError: an option or a file is no good
    """
    console_conf.register_opts(conf)
    logging.register_options(conf)
    # Their debug lines carry whole messages, with tokens in them.
    logging.set_defaults(
        default_log_levels=[
            *logging.get_default_log_levels(),
            'oslo_messaging=INFO',
            'oslo.messaging=INFO',
            'sqlalchemy=WARN',
        ]
    )
    try:
        conf(
            list(argv),
            project=_CONFIG_DIRS,
            default_config_files=None if files else [],
            default_config_dirs=None if files else [],
            version=version.version_string(),
        )
    except cfg.Error as exc:
        raise exception.ConfigurationError(str(exc)) from exc


def arguments(environment: Mapping[str, str]) -> list[str]:
    """The command line that the environment of a WSGI server stands for.

    ``OS_CONSOLE_API_CONFIG_DIR`` is the folder of the files, and
    ``OS_CONSOLE_API_CONFIG_FILES`` names them, separated by semicolons; one
    alone means ``/etc/console-api`` and ``console-api.conf``. With neither,
    files are looked for as a command without options does.
    """
    folder = environment.get(_DIR_VARIABLE, '').strip()
    names = environment.get(_FILES_VARIABLE, '').split(';')
    files = [name.strip() for name in names if name.strip()]
    if not folder and not files:
        return []
    base = pathlib.Path(folder or f'/etc/{_CONFIG_DIRS}')
    result = []
    for name in files or [f'{_CONFIG_DIRS}.conf']:
        result += ['--config-file', str(base / name)]
    snippets = base / f'{_CONFIG_DIRS}.conf.d'
    if not files and snippets.is_dir():
        result += ['--config-dir', str(snippets)]
    return result


def start_logging(conf: cfg.ConfigOpts) -> None:
    """Log as the configuration says."""
    logging.setup(conf, PROJECT)


def run(main: Callable[[], None]) -> int:
    """Call ``main``; its exit status, with one line for a known error."""
    try:
        main()
    except (exception.ConfigurationError, cfg.ConfigFileValueError) as exc:
        # A value is looked at when it is used, not when files are read.
        _last_words(str(exc))
        return 1
    except Exception as exc:
        # The log may be a file elsewhere: whoever waits here is told too.
        LOG.exception('Unexpected error')
        _last_words(f'unexpected error, see the log: {exc!r}')
        return 1
    return 0


def _last_words(text: str) -> None:
    name = sys.argv[0].rsplit('/', 1)[-1]
    sys.stderr.write(f'{name}: {text}\n')


def reload(
    conf: cfg.ConfigOpts, take_over: Callable[[], None] | None = None
) -> None:
    """Read the files again; ``take_over`` acts on options that may change."""
    systemd.notify('RELOADING=1')
    try:
        conf.mutate_config_files()
    except cfg.Error as exc:
        LOG.error('The configuration was not read again: %s', exc)
    if take_over is not None:
        take_over()
    systemd.notify(systemd.READY)


def wait_for_signal(
    reload: Callable[[], None] | None = None,
    ready: Callable[[], None] = lambda: None,
) -> None:
    """Return at the first SIGINT or SIGTERM; main thread only.

    ``reload`` is called at each SIGHUP, also in the main thread; ``ready``
    once the signals are heard, for whoever is told then may send one.
    """
    caught: queue.SimpleQueue[int] = queue.SimpleQueue()

    def catch(signum: int, frame: object) -> None:
        del frame
        caught.put(signum)

    numbers = [signal.SIGINT, signal.SIGTERM]
    if reload is not None:
        numbers.append(signal.SIGHUP)
    for number in numbers:
        signal.signal(number, catch)
    ready()
    while True:
        # A wait without a timeout would not let the handler run at once on
        # every platform.
        try:
            signum = caught.get(timeout=3600)
        except queue.Empty:
            continue
        if signum != signal.SIGHUP or reload is None:
            return
        reload()


def at_signals(act: Callable[[], None]) -> None:
    """From now on call this at each SIGINT and SIGTERM; main thread only."""

    def catch(signum: int, frame: object) -> None:
        del signum, frame
        act()

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, catch)
