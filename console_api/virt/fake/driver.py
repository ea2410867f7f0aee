# SPDX-License-Identifier: Apache-2.0
"""The driver of simulated servers."""

from collections.abc import Collection
import datetime
import threading

from oslo_config import cfg

from console_api import exception
from console_api.consoles import types
from console_api.virt import driver
from console_api.virt.fake import consolelog
from console_api.virt.fake import inventory
from console_api.virt.fake import loop

try:
    from console_api.virt.fake import services
except ModuleNotFoundError as exc:
    if exc.name != 'PIL':
        raise
    services = None  # type: ignore[assignment]

#: In these states a guest has its consoles.
_LISTENING = ('active', 'paused', 'rescued', 'resized', 'suspended')


class FakeDriver(driver.ConsoleDriver):
    """Simulates the servers that ``[fake] inventory`` lists.

    A server's console listens on the address that the options of its protocol
    give to the proxies, 127.0.0.1 by default, from the first time that
    somebody asks where, until the driver is closed. VNC and serial consoles
    work, the SPICE ports greet their clients and let nobody in.
    """

    def __init__(self, conf: cfg.ConfigOpts) -> None:
        """Read the inventory; nothing listens yet.

        :raises ConfigurationError: the inventory cannot be read or is wrong,
            or Pillow is missing
        """
        super().__init__(conf)
        if services is None:
            raise exception.ConfigurationError(
                'the driver of simulated servers needs Pillow: pip install '
                '"console-api[standalone]", or install python3-pil'
            )
        path = conf.fake.inventory
        servers = (
            inventory.built_in() if path is None else inventory.load(path)
        )
        self._servers = {server.id: server for server in servers}
        self._created_at = datetime.datetime.now(datetime.UTC)
        self._lock = threading.Lock()
        self._loop: loop.Loop | None = None
        self._closed = False
        self._ports: dict[tuple[str, services.Port], int] = {}
        self._logs: dict[str, consolelog.ConsoleLog] = {}

    def guests(
        self, only: Collection[str] | None = None
    ) -> list[driver.Guest]:
        """Every server of the inventory that is on this host."""
        return [
            driver.Guest(
                id=server.id,
                name=server.name,
                project_id=server.project_id,
                user_id=server.user_id,
                vm_state=server.vm_state,
                task_state=server.task_state,
                power_state=server.power_state,
                consoles=server.consoles,
                created_at=self._created_at,
            )
            for server in self._servers.values()
            if self._is_here(server) and (only is None or server.id in only)
        ]

    def connect_info(
        self, server_id: str, console_type: types.ConsoleType
    ) -> types.ConnectInfo:
        """Where this console listens; from now on it does.

        :raises InstanceNotFound: there is no such server on this host
        :raises InstanceNotReady: it is on no host yet, or still building
        :raises InstanceInvalidState: nothing listens in its state
        :raises ConsoleTypeUnavailable: it offers no such console
        :raises NotSupported: consoles of this type are not simulated
        """
        server = self._servers.get(server_id)
        if server is None:
            raise exception.InstanceNotFound(server_id)
        if server.scheduled and not self._is_here(server):
            raise exception.InstanceNotFound(server_id)
        if server.vm_state == 'building':
            raise exception.InstanceNotReady(server_id)
        if server.vm_state not in _LISTENING:
            raise exception.InstanceInvalidState(
                server_id,
                console_type.operation,
                f'vm_state {server.vm_state}',
            )
        if not server.scheduled:
            raise exception.InstanceNotReady(server_id)
        if console_type.name not in server.consoles:
            raise exception.ConsoleTypeUnavailable(console_type.name)
        return self._listen(server, console_type)

    def console_output(self, server_id: str, max_bytes: int) -> bytes:
        """The end of the server's ``log`` and of what its serial port wrote.

        :raises InstanceNotFound: there is no such server on this host
        :raises ConsoleNotAvailable: it has neither, or no guest yet
        """
        server = self._servers.get(server_id)
        if server is None or not self._is_here(server):
            raise exception.InstanceNotFound(server_id)
        if server.vm_state == 'building' or not (
            server.log or 'serial' in server.consoles
        ):
            raise exception.ConsoleNotAvailable()
        with self._lock:
            log = self._logs.get(server_id) or _log_of(server)
        return log.tail(max_bytes)

    def close(self) -> None:
        """End every session and close every port."""
        with self._lock:
            self._closed = True
            self._ports.clear()
            started, self._loop = self._loop, None
        if started is not None:
            started.close()

    def _is_here(self, server: inventory.SimulatedServer) -> bool:
        own_host = str(self.conf.host)
        return server.host_seen_from(own_host) == own_host

    def _listen(
        self,
        server: inventory.SimulatedServer,
        console_type: types.ConsoleType,
    ) -> types.ConnectInfo:
        kind = services.Port.of(console_type)
        if kind is None:
            raise exception.NotSupported()
        address = self._address(kind)
        port = self._port(server, kind)
        if console_type.name != 'spice-direct':
            return types.ConnectInfo(address, port)
        secure = self._port(server, services.Port.SPICE_TLS)
        return types.ConnectInfo(address, port, tls_port=secure)

    def _address(self, kind: 'services.Port') -> str:
        conf = self.conf
        if kind is services.Port.VNC:
            return str(conf.vnc.server_proxyclient_address)
        if kind is services.Port.SERIAL:
            return str(conf.serial_console.proxyclient_address)
        return str(conf.spice.server_proxyclient_address)

    def _port(
        self, server: inventory.SimulatedServer, kind: 'services.Port'
    ) -> int:
        with self._lock:
            if self._closed:
                raise exception.InstanceNotFound(server.id)
            if self._loop is None:
                self._loop = loop.Loop()
            log = self._logs.get(server.id)
            if log is None:
                log = self._logs[server.id] = _log_of(server)
            port = self._ports.get((server.id, kind))
            if port is None:
                port = self._loop.listen(
                    services.build(kind, server, log), self._address(kind)
                )
                self._ports[server.id, kind] = port
            return port


def _log_of(server: inventory.SimulatedServer) -> consolelog.ConsoleLog:
    return consolelog.ConsoleLog(server.log.encode('utf-8', 'replace'))
