# SPDX-License-Identifier: Apache-2.0
"""Options of the console proxy."""

from oslo_config import cfg

GROUP = 'proxy'

OPTS = [
    cfg.HostAddressOpt(
        'host',
        default='0.0.0.0',  # noqa: S104 - it faces the users
        help="""
The address that the proxy listens on: of IPv4, of IPv6, or ``::`` for both.

Related options: ``unix_socket``.
""",
    ),
    cfg.PortOpt(
        'port',
        default=6080,
        help="""
The TCP port that the proxy listens on.
""",
    ),
    cfg.StrOpt(
        'unix_socket',
        help="""
The path of a Unix socket to listen on, instead of ``host`` and ``port``.

For a proxy in front on the same host. All workers share it. A socket that
nobody listens on any more is replaced; anything else in its place keeps the
proxy from starting. Only the user of the service should be able to write to
its folder. Put ``unix`` into ``trusted_proxies`` to believe what comes there.

Related options: ``unix_socket_mode``, ``trusted_proxies``.
""",
    ),
    cfg.StrOpt(
        'unix_socket_mode',
        default='660',
        regex='^0?[0-7]{3}$',
        help="""
Who may connect to ``unix_socket``, as chmod(1) writes it.
""",
    ),
    cfg.ListOpt(
        'trusted_proxies',
        default=[],
        mutable=True,
        help="""
Addresses and networks of the proxies in front, which are believed.

From these the client's address is taken out of ``X-Forwarded-For``, the scheme
out of ``X-Forwarded-Proto`` and the host out of ``X-Forwarded-Host``: for the
log, for ``max_sessions_per_client`` and for the Origin of the own pages. Of a
chain, the client is the rightmost address that is not in this list. From
others these headers count for nothing. ``unix`` stands for all who come
through ``unix_socket``.

A proxy in front must set each of the three or take it away, or it hands on
what its client has made up.

Related options: ``proxy_protocol``.
""",
    ),
    cfg.BoolOpt(
        'proxy_protocol',
        default=False,
        help="""
Whether each connection from ``trusted_proxies`` begins with a PROXY header of
version 2, as HAProxy's ``send-proxy-v2`` sends it.

One that does not is closed. Connections from elsewhere begin without it. The
header has ``handshake_timeout`` seconds to come.

Related options: ``trusted_proxies``.
""",
    ),
    cfg.IntOpt(
        'workers',
        min=1,
        help="""
How many processes share the port; unset, one for each processor core.

Each carries its own sessions, so the end of one ends no other's. A parent
process starts them and replaces one that ends.
""",
    ),
    cfg.IntOpt(
        'handshake_timeout',
        default=10,
        mutable=True,
        min=1,
        help="""
How long a client may take for its TLS handshake, and then for a whole HTTP
request, in seconds.
""",
    ),
    cfg.IntOpt(
        'authority_timeout',
        default=15,
        min=1,
        help="""
How long the look-up of a token may take, in seconds.

A change takes a restart, as the calls themselves end by it.
""",
    ),
    cfg.IntOpt(
        'connect_timeout',
        default=10,
        mutable=True,
        min=1,
        help="""
How long connecting to a hypervisor may take, over all its addresses, in
seconds.
""",
    ),
    cfg.IntOpt(
        'negotiation_timeout',
        default=10,
        mutable=True,
        min=1,
        help="""
How long the security handshake of a console protocol may take, in seconds.
""",
    ),
    cfg.IntOpt(
        'ping_interval',
        default=30,
        mutable=True,
        min=0,
        help="""
How often a session's client is sent a WebSocket ping, in seconds; 0 for never.

A client that shows no sign of life for two of them is gone: it neither sends
anything nor takes what is queued for it. Pings also keep firewalls and load
balancers from forgetting a quiet connection. Hypervisors, which know no pings,
are probed by the kernel (TCP keepalive), as clients are: one whose host is
silent for two of these times is gone, also while its user types. One that
answers and takes nothing is kept. With 0 the kernel's own times count.
""",
    ),
    cfg.IntOpt(
        'idle_timeout',
        default=0,
        mutable=True,
        min=0,
        help="""
How long a session may go without input of its user, in seconds; 0 for ever.

What the guest shows is no input, and neither are pings and requests for the
screen that a page sends by itself. The keys and the pointer of a SPICE console
count for all its channels. Who may only look at a console gives no input. The
page says why the session ended.
""",
    ),
    cfg.IntOpt(
        'max_sessions',
        default=0,
        mutable=True,
        min=0,
        help="""
The most sessions that each process carries at once; 0 for no limit.

A request beyond it is answered 503 with Retry-After, before its token is
looked up. What is being looked up takes no place yet; if others take the last
one meanwhile, the answer is the same.
""",
    ),
    cfg.IntOpt(
        'max_sessions_per_client',
        default=1000,
        mutable=True,
        min=0,
        help="""
The most sessions that one client address may have in each process; 0 for no
limit. Its tokens that are being looked up count, too. The addresses of IPv6
that share their first 64 bits count as one.

The default is for a campus behind one address: 150 users of SPICE, which takes
five to seven sessions each, or 1000 of other consoles. Where a process may
open few descriptors the limit is lower: these sessions take at most half of
them. Behind a load balancer, name it in ``trusted_proxies``, or all users
count as one. A page says that the limit is reached (4013), others are answered
503 with Retry-After.
""",
    ),
    cfg.IntOpt(
        'max_sessions_per_server',
        default=100,
        mutable=True,
        min=0,
        help="""
The most sessions that one server may have in each process; 0 for no limit.

A SPICE console takes five to seven of them for each user. A token is good for
one server, so this bounds what one token can take. Where a process may open
few descriptors the limit is lower: these sessions take at most a quarter of
them. A page says that the limit is reached (4014), others are answered 503
with Retry-After.
""",
    ),
    cfg.IntOpt(
        'max_handshakes',
        default=2000,
        mutable=True,
        min=0,
        help="""
The most connections of each process that carry no session, or none yet; 0
for no limit. A token that is being looked up is no session yet, and one that
was refused never becomes one.

One beyond it is answered 503 with Retry-After and closed, before anything of
it is read. This bounds what clients without a token can take.
""",
    ),
    cfg.IntOpt(
        'max_handshakes_per_client',
        default=1000,
        mutable=True,
        min=0,
        help="""
The most of ``max_handshakes`` that one client address may have; 0 for no
limit. The addresses of IPv6 that share their first 64 bits count as one, and
those of ``trusted_proxies`` do not count. Where a process may open few
descriptors the limit is lower: a quarter of them.

A browser opens about six connections while it loads a page. One beyond the
limit is answered as one beyond ``max_handshakes``.
""",
    ),
    cfg.IntOpt(
        'drain_timeout',
        default=0,
        min=0,
        help="""
How long sessions may go on after SIGTERM, in seconds.

The proxy stops listening at once, tells the console pages how long they may go
on, and ends when the last session does. Those that are left after this time
are closed, and their pages connect again, which takes a token that is still
good: sessions that are older than ``[consoleauth] token_ttl`` are over. The
default suits a restart in which another proxy, or the same one, is back at
once. For a rolling upgrade that should cut nobody off, set it to as long as
you would wait. A second SIGTERM ends the wait.
""",
    ),
    cfg.StrOpt(
        'authority',
        default='conductor',
        choices=[
            ('conductor', "This service's conductors, over the message bus."),
            (
                'rest',
                'The compute API, which may be that of an unmodified Nova, '
                'with the user of group ``[nova]``. No bus is needed.',
            ),
        ],
        help="""
Where the proxy looks up what a token is good for.
""",
    ),
    cfg.StrOpt(
        'rest_console_type',
        default='novnc',
        choices=[
            ('novnc', 'In place of nova-novncproxy.'),
            ('spice-html5', 'In place of nova-spicehtml5proxy.'),
            ('serial', 'In place of nova-serialproxy.'),
            ('webmks', 'Consoles of VMware, which Nova has no proxy for.'),
        ],
        help="""
The type of all consoles that this proxy serves with ``authority = rest``.

The answer of the compute API does not say it. Start one proxy for each type,
each on a port of its own, as Nova's own proxies do.
""",
    ),
    cfg.StrOpt(
        'rest_confirm',
        default='fresh',
        choices=[
            (
                'fresh',
                'Nova is asked where the console is now: the service user '
                'requests another one of the same server and type, and host '
                'and port must be those of the token.',
            ),
            (
                'identity',
                "The guest itself is asked: its VNC server's name must hold "
                'the name that Nova gave the guest, and its SPICE server must '
                "tell the server's UUID. Consoles of other types, which tell "
                'no such thing, are confirmed as with ``fresh``.',
            ),
            ('both', 'First ``fresh``, then ``identity``.'),
            (
                'none',
                "Nobody is asked, and a user may see another one's guest. "
                'Only for an API that confirms each token itself: that of '
                'this service, or of a Nova that has its filter.',
            ),
        ],
        help="""
How the proxy makes sure that a console still belongs to the server of its
token, with ``authority = rest``.

Nova keeps a token until it expires, whatever becomes of its server. Once that
has stopped or has gone elsewhere, its host may give the port to another
server.

``fresh`` costs two more requests to Nova for each look-up, and a third for a
serial console, which is refused unless its server runs; Nova keeps the token
that is made for it until it expires. ``identity`` costs one for VNC and none
for SPICE; it does without QEMU only where the VNC server's name is the name
of the guest. The guide says what the user in group ``[nova]`` must be allowed,
and what remains unseen.

Unset, it is ``none`` with ``[nova] auth_type = none``: such an API gives
consoles to anybody.

Related options: ``authority_timeout``, ``[nova] timeout``.
""",
    ),
    cfg.ListOpt(
        'allowed_targets',
        default=[],
        mutable=True,
        help="""
Where this proxy may connect to; empty, wherever its authority says.

Each is an IP address, a network as in ``10.0.0.0/24``, or a host name: the
networks in which the hypervisors' consoles listen. It is the proxy's own word
beside that of the conductors or of Nova, so that a captured hypervisor or
controller does not lead it to other services that it can reach. The addresses
to which a name leads are checked when it connects.

A name that is listed, or any where nothing is, may lead to any address but a
loopback, link-local, unspecified or multicast one. That is refused unless it
is here or in ``[console] allowed_targets``, by itself or in a network of such
addresses. A console that is refused could not be reached, to its user (4003);
the log has the address.

The files of spice-direct are not held to it: there the user's client connects.

Related options: ``[console] allowed_targets``.
""",
    ),
]
