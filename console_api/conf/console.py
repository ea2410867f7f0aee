# SPDX-License-Identifier: Apache-2.0
"""Options that all console types share."""

from oslo_config import cfg

GROUP = 'console'

OPTS = [
    cfg.ListOpt(
        'allowed_origins',
        default=[],
        mutable=True,
        help="""
Origins, besides the proxy's own, whose pages may open a console.

Each is a scheme, a host and, unless it is the scheme's own, a port:
``https://dashboard.example.com``. A host name alone stands for ``https`` and
``http`` on their own ports. Put the dashboard's here if it opens consoles in
a page or a frame of its own. A proxy takes changes over at SIGHUP.
""",
    ),
    cfg.ListOpt(
        'allowed_targets',
        default=[],
        help="""
Where consoles may listen, besides the addresses that agents have registered.

Each is an IP address, a network as in ``192.0.2.0/24``, or a host name. An
agent registers the addresses of its own host when it is let in; another
address that it names later, because it was captured or because it was
reconfigured, is refused. Set on the controllers. Put a network here where
addresses change by themselves, or where a hypervisor is not the agent's own
host.

Loopback, link-local, unspecified and multicast addresses, which mean something
else on each host, count only if they are here, by themselves or in a network
of such addresses: on a proxy, 127.0.0.1 is its own host. ``127.0.0.1`` is for
agent, proxy and hypervisors on one host.

Related options: ``[proxy] allowed_targets``.
""",
    ),
    cfg.StrOpt(
        'ssl_ciphers',
        help="""
Which ciphers TLS 1.2 may use, as OpenSSL's ciphers(1) writes it; unset, those
that OpenSSL takes for good.

Those of TLS 1.3 are always on. Change it only where a rule of your house names
the ciphers.

Related options: ``[DEFAULT] cert``, ``ssl_minimum_version``.
""",
    ),
    cfg.StrOpt(
        'ssl_minimum_version',
        default='default',
        choices=[
            ('default', 'TLS 1.2.'),
            ('tlsv1_1', 'TLS 1.2 too: older ones are not spoken.'),
            ('tlsv1_2', 'TLS 1.2.'),
            ('tlsv1_3', 'TLS 1.3.'),
        ],
        help="""
The oldest version of TLS that the proxy speaks with its clients.

Related options: ``[DEFAULT] cert``, ``ssl_ciphers``.
""",
    ),
]
