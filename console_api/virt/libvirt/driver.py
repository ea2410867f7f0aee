# SPDX-License-Identifier: Apache-2.0
"""QEMU and KVM guests of one libvirt."""

from collections.abc import Collection
import dataclasses
from typing import Any
import uuid

from oslo_config import cfg
from oslo_log import log as logging

from console_api import exception
from console_api.consoles import types
from console_api.virt import driver
from console_api.virt.libvirt import bridge_client
from console_api.virt.libvirt import bridges
from console_api.virt.libvirt import connection
from console_api.virt.libvirt import devices
from console_api.virt.libvirt import domain
from console_api.virt.libvirt import events
from console_api.virt.libvirt import logs
from console_api.virt.libvirt import paths
from console_api.virt.libvirt import ptys

LOG = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True)
class _State:
    """Nova's words for a state of a domain."""

    vm_state: str
    power_state: int


# By the numbers of libvirt's virDomainState, which are part of its ABI.
_STATES = {
    1: _State('active', 1),  # running
    2: _State('active', 1),  # blocked on a resource
    3: _State('paused', 3),  # paused
    4: _State('active', 1),  # being shut down, but still there
    5: _State('stopped', 4),  # shut off
    6: _State('error', 6),  # crashed
    7: _State('suspended', 7),  # suspended by the guest's own power management
}
_UNKNOWN = _State('active', 0)
_SAVED = _State('suspended', 4)
_SHUT_OFF = 5
#: What a call is about that hangs with any of the domains.
_INVENTORY = 'inventory'


@dataclasses.dataclass(frozen=True)
class _Seen:
    """What libvirt said about one domain, before it is looked into."""

    # It may hold a password.
    xml: str = dataclasses.field(repr=False)
    state: int
    saved: bool


class LibvirtDriver(driver.ConsoleDriver):
    """Consoles of the guests behind ``[libvirt] connection_uri``.

    :raises ConfigurationError: libvirt-python is not installed
    """

    def __init__(self, conf: cfg.ConfigOpts) -> None:
        super().__init__(conf)
        if connection.libvirt is None:
            raise exception.ConfigurationError(
                'the libvirt driver needs libvirt-python: pip install '
                '"console-api[libvirt]", or install python3-libvirt'
            )
        self._connection = connection.Connection(
            conf.libvirt.connection_uri, float(conf.libvirt.call_timeout)
        )
        self._trusted = paths.owners(conf.libvirt.file_owners)
        self._bridges = bridges.Bridges(float(conf.libvirt.bridge_timeout))
        self._ptys = ptys.Ptys(self._connection)
        number = conf.libvirt.keep_log_of
        self._keeper = (
            None if number is None else logs.Keeper(self._ptys, number)
        )
        self._watcher: driver.Watcher | None = None
        self._events: events.Events | None = None

    def guests(
        self, only: Collection[str] | None = None
    ) -> list[driver.Guest]:
        """Every domain; one that cannot be read is left out and logged.

        :raises Unavailable: libvirt is not there or did not answer in time
        """
        try:
            seen = self._connection.run(
                lambda conn: _see_all(conn, only), _INVENTORY
            )
        except connection.libvirt.libvirtError as exc:
            raise self._failed(exc) from exc
        found = []
        for one in seen:
            try:
                found.append((domain.parse(one.xml), one))
            except domain.InvalidDomain as exc:
                LOG.warning('A domain is not reported: %s', exc)
        if self._keeper is not None:
            self._keeper.follow([x for x, _ in found], only is None)
        return [self._guest(parsed, one) for parsed, one in found]

    def connect_info(
        self, server_id: str, console_type: types.ConsoleType
    ) -> types.ConnectInfo:
        """Read from the live XML of the domain with this UUID, each time.

        The address is the one that the configuration names for the proxy,
        as Nova has it; QEMU often listens on every address. What can be
        reached on this host only gets a port there, see ``bridge``.

        :raises HostUnavailable: libvirt did not answer in time, or no port
            can be opened at that address
        """
        device = devices.DEVICES.get(console_type.name)
        if device is None:
            raise exception.NotSupported()
        parsed, one = self._find(server_id, console_type)
        if not parsed.active:
            raise exception.InstanceInvalidState(
                server_id,
                console_type.operation,
                f'vm_state {_state(one).vm_state}',
            )
        endpoint = device.find(parsed, self.conf)
        if endpoint is None:
            raise exception.ConsoleTypeUnavailable(console_type.name)
        host = self.conf[console_type.group][device.address_option]
        port = endpoint.port or self._bridged(parsed, endpoint, host)
        if port is None:
            raise exception.InstanceNotReady(server_id)
        return types.ConnectInfo(
            host=host, port=port, tls_port=endpoint.tls_port
        )

    def secret(
        self, server_id: str, console_type: types.ConsoleType
    ) -> types.Secret | None:
        """The password of the graphics device, from the live XML.

        :raises HostUnavailable: libvirt did not answer in time
        """
        device = devices.DEVICES.get(console_type.name)
        if device is None or device.graphics is None:
            return None
        parsed, _ = self._find(server_id, console_type, secure=True)
        found = parsed.graphics_of(device.graphics)
        if found is None or found.password is None:
            return None
        return types.Secret(found.password)

    def console_output(self, server_id: str, max_bytes: int) -> bytes:
        """The end of the log file of the domain, or what the agent kept.

        :raises HostUnavailable: libvirt did not answer in time
        """
        one = self._see(server_id)
        try:
            files = domain.parse(one.xml).logs
        except domain.InvalidDomain as exc:
            LOG.warning('Domain %s cannot be read: %s', server_id, exc)
            raise exception.ConsoleNotAvailable() from exc
        for path in files:
            try:
                return logs.tail(path, max_bytes, self._trusted)
            except OSError as exc:
                LOG.warning('The log of domain %s: %s', server_id, exc)
        kept = None
        if self._keeper is not None:
            name = str(uuid.UUID(server_id))
            kept = self._keeper.tail(name, max_bytes)
        if kept is None:
            raise exception.ConsoleNotAvailable()
        return kept

    def watch(self, watcher: driver.Watcher) -> None:
        """Follow the events of libvirt, over restarts of its daemon."""
        self._watcher = watcher
        self._events = events.Events(
            self._connection, self._changed, self._ptys.end
        )
        self._events.start()

    def running(self) -> int:
        """How many domains run.

        :raises Unavailable: libvirt is not there or did not answer in time
        """
        try:
            return self._connection.run(lambda conn: int(conn.numOfDomains()))
        except connection.libvirt.libvirtError as exc:
            raise self._failed(exc) from exc

    def close(self) -> None:
        """Close all consoles and the connection.

        Does not wait for a libvirtd that hangs.
        """
        if self._events is not None:
            self._events.stop()
        self._bridges.close()
        self._connection.close()
        # Now each of its calls ends at once.
        self._ptys.end()

    def _changed(self, change: driver.Change | None) -> None:
        if change is not None and change.ended:
            self._bridges.end(change.server_id)
            self._ptys.end(change.server_id)
        if self._watcher is not None:
            self._watcher(change)

    def _bridged(
        self, parsed: domain.Domain, endpoint: devices.Endpoint, host: str
    ) -> int | None:
        """The port here that leads to this endpoint; None: it has none."""
        if endpoint.socket is None and endpoint.alias is None:
            return None
        key = bridges.Key(
            parsed.id, parsed.run, f'{endpoint.socket}|{endpoint.alias}'
        )
        try:
            return self._bridges.port(
                key, host, self._opener(parsed.id, endpoint), endpoint.clients
            )
        except OSError as exc:
            LOG.warning(
                'No port for domain %s at %s: %s', parsed.id, host, exc
            )
            raise exception.HostUnavailable(parsed.id) from exc

    def _opener(
        self, server_id: str, endpoint: devices.Endpoint
    ) -> bridge_client.Opener:
        def to_socket() -> bridge_client.Backend:
            assert endpoint.socket is not None
            return bridge_client.SocketBackend(
                paths.connect(endpoint.socket, self._trusted)
            )

        def to_pty() -> bridge_client.Backend:
            assert endpoint.alias is not None
            return self._ptys.backend(server_id, endpoint.alias)

        return to_pty if endpoint.socket is None else to_socket

    def _find(
        self,
        server_id: str,
        console_type: types.ConsoleType,
        secure: bool = False,
    ) -> tuple[domain.Domain, _Seen]:
        one = self._see(server_id, secure)
        try:
            return domain.parse(one.xml), one
        except domain.InvalidDomain as exc:
            LOG.warning('Domain %s cannot be read: %s', server_id, exc)
            raise exception.ConsoleTypeUnavailable(console_type.name) from exc

    def _see(self, server_id: str, secure: bool = False) -> _Seen:
        try:
            name = str(uuid.UUID(server_id))
        except ValueError as exc:
            raise exception.InstanceNotFound(server_id) from exc
        try:
            return self._connection.run(
                lambda conn: _see_one(conn.lookupByUUIDString(name), secure),
                name,
            )
        except connection.libvirt.libvirtError as exc:
            if _is_gone(exc):
                raise exception.InstanceNotFound(server_id) from exc
            LOG.warning('Domain %s: %s', server_id, self._failed(exc))
            raise exception.HostUnavailable(server_id) from exc
        except connection.Unavailable as exc:
            LOG.warning('Domain %s: %s', server_id, exc)
            raise exception.HostUnavailable(server_id) from exc

    def _failed(self, exc: Exception) -> connection.Unavailable:
        return connection.Unavailable(
            self.conf.libvirt.connection_uri, connection.message(exc)
        )

    def _guest(self, parsed: domain.Domain, one: _Seen) -> driver.Guest:
        nova = parsed.nova or domain.NovaInstance()
        options = self.conf.libvirt
        state = _state(one)
        return driver.Guest(
            id=parsed.id,
            name=nova.name or parsed.name,
            project_id=nova.project_id or options.default_project_id,
            user_id=nova.user_id or options.default_user_id,
            vm_state=state.vm_state,
            power_state=state.power_state,
            consoles=tuple(
                name
                for name, device in devices.DEVICES.items()
                if device.find(parsed, self.conf) is not None
            ),
            created_at=nova.created_at,
        )


def probe(conf: cfg.ConfigOpts) -> str | None:
    """Why this driver is of no use here; None if guests run that it can show.

    Takes ``[libvirt] call_timeout`` at the longest.
    """
    try:
        found = LibvirtDriver(conf)
    except exception.ConfigurationError as exc:
        return str(exc)
    try:
        running = found.running()
    except connection.Unavailable as exc:
        return str(exc)
    finally:
        found.close()
    if running:
        return None
    return f'no domain of {conf.libvirt.connection_uri} is running'


def _see_all(conn: Any, only: Collection[str] | None) -> list[_Seen]:
    """What libvirt says about every domain; runs in the connection's call."""
    seen = []
    for wanted in conn.listAllDomains() if only is None else only:
        try:
            seen.append(
                _see_one(
                    wanted if only is None else conn.lookupByUUIDString(wanted)
                )
            )
        except connection.libvirt.libvirtError as exc:
            # It may go while the list is walked.
            if not _is_gone(exc):
                raise
    return seen


def _see_one(handle: Any, secure: bool = False) -> _Seen:
    flag = connection.libvirt.VIR_DOMAIN_XML_SECURE
    xml = handle.XMLDesc(flag if secure else 0)
    state = handle.state()[0]
    saved = state == _SHUT_OFF and bool(handle.hasManagedSaveImage())
    return _Seen(xml, state, saved)


def _is_gone(exc: Any) -> bool:
    code = exc.get_error_code()
    return bool(code == connection.libvirt.VIR_ERR_NO_DOMAIN)


def _state(one: _Seen) -> _State:
    return _SAVED if one.saved else _STATES.get(one.state, _UNKNOWN)
