# SPDX-License-Identifier: Apache-2.0
"""Reads the XML of a libvirt domain into typed facts.

The text is not trusted: names and owners in it come from users, devices from
whoever wrote the domain. It is bounded, entities are refused, and whatever is
wrong ends as :class:`InvalidDomain` or as a missing device.
"""

import dataclasses
import datetime
import enum
import re
import uuid
from xml.etree import ElementTree

#: No domain is near this many characters; QEMU's own limits come first.
MAX_XML_CHARS = 1 << 20
#: What the API and the database have room for.
MAX_NAME_CHARS = 255

_NOVA = re.compile(
    r'\{http://openstack\.org/xmlns/libvirt/nova/1\.[0-9]{1,4}\}instance'
)
_PORT = re.compile(r'[0-9]{1,5}')
_NO_TCP = frozenset({'none', 'socket'})
_TIME_FORMAT = '%Y-%m-%d %H:%M:%S'


class InvalidDomain(Exception):
    """The text is no domain that can be used; the message says why."""


class GraphicsType(enum.Enum):
    """The graphical devices that a console can be made of."""

    VNC = 'vnc'
    SPICE = 'spice'


class SerialType(enum.Enum):
    """The back ends of a serial port that a console can be made of."""

    PTY = 'pty'
    TCP = 'tcp'
    UNIX = 'unix'


@dataclasses.dataclass(frozen=True)
class Graphics:
    """One graphical device.

    ``tcp`` is false where it never listens on TCP; otherwise a port that is
    None is not known yet. ``address`` is what QEMU binds to, ``socket`` the
    path of a Unix socket. ``password`` is told in secure XML only.
    """

    type: GraphicsType
    tcp: bool = True
    port: int | None = None
    tls_port: int | None = None
    address: str | None = None
    socket: str | None = None
    password: str | None = dataclasses.field(default=None, repr=False)


@dataclasses.dataclass(frozen=True)
class Serial:
    """One serial port, by its number in the guest (0: the first).

    ``path`` is the pty or the Unix socket; ``address`` and ``port`` are set
    for TCP. Where QEMU is the client, or speaks telnet or TLS, all three are
    None. ``log_file`` keeps
    what the guest wrote. ``alias`` is libvirt's name for the device of a
    running guest.
    """

    number: int
    type: SerialType
    address: str | None = None
    port: int | None = None
    path: str | None = None
    log_file: str | None = None
    alias: str | None = None


@dataclasses.dataclass(frozen=True)
class NovaInstance:
    """What Nova wrote about its server; None: it did not, or not usably."""

    name: str | None = None
    project_id: str | None = None
    user_id: str | None = None
    created_at: datetime.datetime | None = None


@dataclasses.dataclass(frozen=True)
class Domain:
    """A domain; ports and addresses are those of now if it is ``active``.

    ``id`` is the canonical UUID; ``run`` tells one run of it from the next.
    The devices are in the order of the XML. ``logs`` are the files that keep
    what the guest writes to its serial ports and consoles.
    """

    id: str
    name: str
    active: bool
    nova: NovaInstance | None = None
    graphics: tuple[Graphics, ...] = ()
    serials: tuple[Serial, ...] = ()
    logs: tuple[str, ...] = ()
    run: str | None = None

    def graphics_of(self, kind: GraphicsType) -> Graphics | None:
        """The first device of this type; libvirt takes one of each."""
        return next((x for x in self.graphics if x.type is kind), None)


def parse(text: str) -> Domain:
    """The facts of a domain, from what libvirt's XMLDesc gives.

    :raises InvalidDomain: it is too long, declares a document type, is not
        well-formed, or lacks an identity
    """
    root = _read(text)
    try:
        identity = str(uuid.UUID(_text(root, 'uuid') or ''))
    except ValueError as exc:
        raise InvalidDomain('the domain has no UUID') from exc
    name = _text(root, 'name')
    if name is None:
        raise InvalidDomain('the domain has no name')
    return Domain(
        id=identity,
        name=name[:MAX_NAME_CHARS],
        # libvirt numbers running domains only. It is read from the same text
        # as the ports: a second call could be about another run.
        active=_attribute(root, 'id') is not None,
        run=_attribute(root, 'id'),
        logs=tuple(dict.fromkeys(_logs(root))),
        nova=_nova(root),
        graphics=tuple(_graphics(root)),
        serials=tuple(_serials(root)),
    )


def _read(text: str) -> ElementTree.Element:
    if len(text) > MAX_XML_CHARS:
        raise InvalidDomain(f'longer than {MAX_XML_CHARS} characters')
    # Only a document type can declare entities, and libvirt writes none.
    if '<!DOCTYPE' in text:
        raise InvalidDomain('it declares a document type')
    try:
        root = ElementTree.fromstring(text)  # noqa: S314 - bounded above
    except (ElementTree.ParseError, ValueError) as exc:
        raise InvalidDomain('not well-formed') from exc
    if root.tag != 'domain':
        raise InvalidDomain('not a domain')
    return root


def _text(parent: ElementTree.Element, path: str) -> str | None:
    """The text at this path, without white space around; None if empty."""
    return (parent.findtext(path) or '').strip() or None


def _attribute(element: ElementTree.Element, name: str) -> str | None:
    return element.get(name, '').strip() or None


def _port(element: ElementTree.Element, name: str) -> int | None:
    """A port that can be connected to; libvirt writes -1 for "not yet"."""
    word = element.get(name, '')
    if not _PORT.fullmatch(word):
        return None
    number = int(word)
    return number if 0 < number < 1 << 16 else None


def _graphics(root: ElementTree.Element) -> list[Graphics]:
    known = {member.value: member for member in GraphicsType}
    found = []
    for element in root.iterfind('./devices/graphics'):
        kind = known.get(element.get('type', ''))
        if kind is None:
            continue
        listen = element.find('listen')
        if listen is None:
            listen = ElementTree.Element('listen')
        found.append(
            Graphics(
                type=kind,
                tcp=listen.get('type') not in _NO_TCP,
                port=_port(element, 'port'),
                tls_port=_port(element, 'tlsPort'),
                address=_attribute(listen, 'address')
                or _attribute(element, 'listen'),
                socket=_attribute(listen, 'socket')
                or _attribute(element, 'socket'),
                # Not stripped: a space may belong to it.
                password=element.get('passwd') or None,
            )
        )
    return found


def _serials(root: ElementTree.Element) -> list[Serial]:
    known = {member.value: member for member in SerialType}
    found = []
    for index, element in enumerate(root.iterfind('./devices/serial')):
        kind = known.get(element.get('type', ''))
        source = element.find('source')
        if kind is None:
            continue
        if source is None:
            source = ElementTree.Element('source')
        found.append(_serial(element, source, kind, index))
    return found


def _logs(root: ElementTree.Element) -> list[str]:
    found = []
    for path in ('./devices/serial', './devices/console'):
        for element in root.iterfind(path):
            place, name = ('log', 'file')
            if element.get('type') == 'file':
                place, name = ('source', 'path')
            log = element.find(place)
            value = None if log is None else _attribute(log, name)
            if value is not None:
                found.append(value)
    return found


def _serial(
    element: ElementTree.Element,
    source: ElementTree.Element,
    kind: SerialType,
    index: int,
) -> Serial:
    target = element.find('target')
    number = '' if target is None else target.get('port', '')
    log = element.find('log')
    # In mode "connect" QEMU is the client and nothing listens.
    listens = source.get('mode') == 'bind'
    tcp = listens and kind is SerialType.TCP and _is_plain(element, source)
    alias = element.find('alias')
    return Serial(
        number=int(number) if _PORT.fullmatch(number) else index,
        type=kind,
        address=_attribute(source, 'host') if tcp else None,
        port=_port(source, 'service') if tcp else None,
        path=(
            _attribute(source, 'path')
            if listens or kind is SerialType.PTY
            else None
        ),
        log_file=None if log is None else _attribute(log, 'file'),
        alias=None if alias is None else _attribute(alias, 'name'),
    )


def _is_plain(
    element: ElementTree.Element, source: ElementTree.Element
) -> bool:
    """Whether a TCP port carries the line's bytes and nothing else."""
    protocol = element.find('protocol')
    word = 'raw' if protocol is None else protocol.get('type', 'raw')
    return word == 'raw' and source.get('tls') != 'yes'


def _nova(root: ElementTree.Element) -> NovaInstance | None:
    metadata = root.find('metadata')
    if metadata is None:
        return None
    for element in metadata:
        if _NOVA.fullmatch(element.tag):
            return _nova_instance(element)
    return None


def _nova_instance(element: ElementTree.Element) -> NovaInstance:
    prefix = element.tag.removesuffix('instance')
    name = _text(element, f'{prefix}name')
    return NovaInstance(
        name=None if name is None else name[:MAX_NAME_CHARS],
        project_id=_owner(element, prefix, 'project'),
        user_id=_owner(element, prefix, 'user'),
        created_at=_time(_text(element, f'{prefix}creationTime')),
    )


def _owner(element: ElementTree.Element, prefix: str, word: str) -> str | None:
    owner = element.find(f'{prefix}owner/{prefix}{word}')
    value = None if owner is None else _attribute(owner, 'uuid')
    # A cut id could be somebody else's.
    return value if value and len(value) <= MAX_NAME_CHARS else None


def _time(text: str | None) -> datetime.datetime | None:
    """Nova writes UTC without saying so."""
    if text is None:
        return None
    try:
        moment = datetime.datetime.strptime(text, _TIME_FORMAT)  # noqa: DTZ007
    except ValueError:
        return None
    return moment.replace(tzinfo=datetime.UTC)
