# SPDX-License-Identifier: Apache-2.0
"""Where a proxy sends notifications to, as the options say."""

from collections.abc import Mapping
import contextlib

from oslo_config import cfg

from console_api import rpc
from console_api.proxy import notifications

#: Seconds that what still waits has, when the proxy ends.
_PATIENCE = 5.0


def make(
    conf: cfg.ConfigOpts, stack: contextlib.ExitStack
) -> notifications.Announcer | None:
    """The announcer; ``stack`` gets what must be closed after it.

    None where no notifications are configured. It starts a thread.
    """
    notifier = rpc.get_notifier(
        conf,
        f'console-proxy:{conf.host}',
        conf.notifications.versioned_notifications_topics,
    )
    if notifier is None:
        return None

    def send(event: str, payload: Mapping[str, object]) -> None:
        notifier.info({}, event, payload)

    stack.callback(notifier.transport.cleanup)
    announcer = notifications.Announcer(send)
    stack.callback(announcer.close, _PATIENCE)
    return announcer
