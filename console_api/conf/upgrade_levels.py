# SPDX-License-Identifier: Apache-2.0
"""Options for a time when processes of two releases run side by side."""

from oslo_config import cfg

GROUP = 'upgrade_levels'

OPTS = [
    cfg.StrOpt(
        'agent',
        regex=r'^1\.[0-9]+$',
        help="""
The newest version of the agents' interface that is spoken with them.

Set it on controllers while some agents are of an older release, to the
version that ``console-api-manage agent list`` shows for the oldest of them.
At 1.0 consoles that need a password on the hypervisor are not reached. Unset,
the newest is spoken first, and 1.0 for a minute with an agent that refused it.
""",
    ),
    cfg.StrOpt(
        'conductor',
        regex=r'^1\.[0-9]+$',
        help="""
The newest version of the conductors' interface that is spoken with them.

Set it on proxies and agents that are upgraded before the conductors, to 1.2
for those of the release before view-only consoles: below 1.3 no view-only
console is opened. Below 1.5 an agent does not say the key of its host, and is
refused where the conductors know the host by one. Unset, the newest is spoken,
and agents go back to 1.4 and 1.2 where it is refused.
""",
    ),
]
