# SPDX-License-Identifier: Apache-2.0
"""Options of VNC consoles."""

from oslo_config import cfg
from oslo_config import types

GROUP = 'vnc'

OPTS = [
    cfg.BoolOpt(
        'enabled',
        default=True,
        help="""
Whether VNC consoles are offered.

Where it is off, a request for one ends with 400.
""",
    ),
    cfg.URIOpt(
        'novncproxy_base_url',
        default='http://127.0.0.1:6080/vnc_auto.html',
        help="""
The address that the URL of a noVNC console starts with.

The agent puts the token into its query. Users reach it from outside, so name
the public side of the proxy. It may have a query of its own and no fragment.
""",
    ),
    cfg.StrOpt(
        'server_proxyclient_address',
        default='127.0.0.1',
        help="""
The address of this host at which the proxy reaches the VNC servers of its
guests.

Set on the hypervisor host, to an address of the management network.
""",
    ),
    cfg.ListOpt(
        'auth_schemes',
        item_type=types.String(choices=['none', 'vnc', 'vencrypt']),
        default=['none'],
        help="""
How the proxy may log in to the VNC servers of guests, the best way first.

The first one that a server offers is taken; a server that offers none of them
is not connected to. Set on the proxy. Possible values:

* ``none``: without a password, unprotected
* ``vnc``: with the guest's VNC password, which the agent tells; unprotected
* ``vencrypt``: TLS with certificates, and the guest's VNC password where it
  has one. ``vencrypt, none`` would let an attacker on the way choose.

Related options: ``vencrypt_ca_certs``, ``vencrypt_client_cert``,
``vencrypt_client_key``.
""",
    ),
    cfg.StrOpt(
        'vencrypt_client_key',
        help="""
The path of the PEM file with the private key of the proxy.

Unset, the key is in the file of ``vencrypt_client_cert``. It is read at the
start and at SIGHUP.
""",
    ),
    cfg.StrOpt(
        'vencrypt_client_cert',
        help="""
The path of the PEM file with the certificate that the proxy shows to VNC
servers.

Unset, it shows none, and servers that want one refuse it. It is read at the
start and at SIGHUP.
""",
    ),
    cfg.StrOpt(
        'vencrypt_ca_certs',
        help="""
The path of the PEM file with the authorities that sign the certificates of
VNC servers.

The name or address that the proxy connects to must be in the certificate.
Unset, the authorities that the system trusts count. It is read at the start
and at SIGHUP.
""",
    ),
]
