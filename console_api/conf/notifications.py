# SPDX-License-Identifier: Apache-2.0
"""Options of notifications."""

from oslo_config import cfg

GROUP = 'notifications'

OPTS = [
    cfg.ListOpt(
        'versioned_notifications_topics',
        default=['versioned_notifications'],
        help="""
The topics that the start and the end of each console session are sent to.

The proxy sends them where ``[oslo_messaging_notifications] driver`` is set,
and goes to the bus of that group's ``transport_url``, or of the one in
``[DEFAULT]``. A consumer that takes from a topic takes from all others of it:
name one topic for each.

Related options:

* ``[oslo_messaging_notifications] driver``
* ``[oslo_messaging_notifications] transport_url``
""",
    ),
]
