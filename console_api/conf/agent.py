# SPDX-License-Identifier: Apache-2.0
"""Options of the agent and of those who call it."""

from oslo_config import cfg

GROUP = 'agent'

OPTS = [
    cfg.StrOpt(
        'driver',
        default='libvirt',
        help="""
The hypervisor driver that the agent loads.

Possible values:

* ``libvirt``: QEMU and KVM guests, see group ``[libvirt]``
* ``fake``: simulated servers, see group ``[fake]``
* any other name in the entry point group ``console_api.virt``
""",
    ),
    cfg.IntOpt(
        'rpc_timeout',
        default=10,
        min=1,
        max=600,
        help="""
How long a caller of an agent waits for its answer, in seconds.

A request for a console ends with 503 after this time. Raise it where
hypervisors answer slowly; a request of the REST API waits as long.
""",
    ),
    cfg.StrOpt(
        'key_file',
        default='/var/lib/console-api/agent.key',
        help="""
The file with the key that the conductors know this host by.

The agent makes it when it first starts, in a directory that it must be able
to write to. Nobody but the agent's user may read it: who has the key can
report servers of this host, and that they are gone. Where it is lost, the
conductors refuse the agent until it has a new word: ``enrolment_word_file``.
""",
    ),
    cfg.StrOpt(
        'enrolment_word_file',
        default='/etc/console-api/enrolment.word',
        help="""
The file with the word that lets this host in, which
``console-api-manage agent enrol HOST`` has printed on a controller.

The agent says it until the conductors know the host by its key, and again
whenever they do not. The word is good once, and for a day unless that command
was told otherwise; the file may go, or stay, after that. It is looked for at
each try, so that it may come while the agent runs.

Related options: ``key_file``, ``[conductor] enrolment``.
""",
    ),
    cfg.IntOpt(
        'inventory_interval',
        default=60,
        min=1,
        help="""
How often the agent reports all its servers to the conductor, in seconds.

A server that is new or gone shows in the API after this time at the latest.
""",
    ),
]
