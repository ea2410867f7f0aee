# SPDX-License-Identifier: Apache-2.0
"""Options of SPICE consoles."""

from oslo_config import cfg

GROUP = 'spice'

OPTS = [
    cfg.BoolOpt(
        'enabled',
        default=False,
        help="""
Whether SPICE consoles are offered.

Where it is off, a request for one ends with 400.
""",
    ),
    cfg.URIOpt(
        'html5proxy_base_url',
        default='http://127.0.0.1:6082/spice_auto.html',
        help="""
The address that the URL of a SPICE console in the browser starts with.

The agent puts the token into its query. Users reach it from outside, so name
the public side of the proxy. It may have a query of its own and no fragment.
""",
    ),
    cfg.URIOpt(
        'spice_direct_proxy_base_url',
        default='http://127.0.0.1:13002/nova',
        help="""
The address that the URL of a SPICE console for a native client starts with.

The agent puts the token into its query. Users reach it from outside, so name
the public side of the proxy. It may have a query of its own and no fragment.
""",
    ),
    cfg.BoolOpt(
        'require_secure',
        default=False,
        help="""
Whether SPICE is offered through TLS only.

Set on the hypervisor hosts and on the proxies. A guest without a TLS port then
has no SPICE console, and no file for virt-viewer. The hypervisor needs
certificates: ``spice_tls`` in libvirt's ``qemu.conf``.

Related options: ``direct_ca_certs``, ``direct_host_subject``.
""",
    ),
    cfg.StrOpt(
        'server_proxyclient_address',
        default='127.0.0.1',
        help="""
The address of this host at which the proxy reaches the SPICE servers of its
guests.

Set on the hypervisor host, to an address of the management network.
""",
    ),
    cfg.StrOpt(
        'direct_ca_certs',
        help="""
The path of the PEM file with the authorities that sign the certificates of
SPICE servers.

It goes into the files for virt-viewer that name a TLS port. Unset, the viewer
trusts what its own system trusts. It is read at the start of the proxy and at
SIGHUP.
""",
    ),
    cfg.StrOpt(
        'direct_host_subject',
        default='CN={host}',
        help="""
The subject that the certificate of a SPICE server has.

It goes into the files for virt-viewer that name a TLS port; ``{host}`` stands
for the address that the guest's host is reached at. Name every part in the
certificate's order, for example ``C=DE,O=Example,CN={host}``.
""",
    ),
]
