# SPDX-License-Identifier: Apache-2.0
"""A simulated server's screen, shared by all the clients that look at it."""

from collections.abc import Callable
import datetime

from console_api.virt.fake import geometry
from console_api.virt.fake import inventory
from console_api.virt.fake import pixels
from console_api.virt.fake import rfb
from console_api.virt.fake import screen
from console_api.virt.fake import theme


class Desktop:
    """The screen of one server; called from one thread."""

    def __init__(
        self,
        server: inventory.SimulatedServer,
        now: Callable[[], datetime.datetime],
    ) -> None:
        """Show that server; ``now`` says what the clock on its screen says."""
        self.server = server
        self._screen = screen.Screen(
            server, now, running=server.vm_state not in inventory.FROZEN
        )
        self._sessions: list[DesktopSession] = []

    def open(self) -> 'DesktopSession':
        """A session for a client that just connected."""
        session = DesktopSession(self, self._screen)
        self._sessions.append(session)
        return session

    def tick(self) -> None:
        """Let the clock go on."""
        self._screen.tick()

    def handle(self, session: 'DesktopSession', event: rfb.Event) -> None:
        """Do what a client asked for."""
        if isinstance(event, rfb.Started):
            if not event.shared:
                self._close_others(session)
        elif isinstance(event, rfb.KeyEvent):
            self._screen.key(event.down, event.keysym)
        elif isinstance(event, rfb.PointerEvent):
            self._screen.pointer(event.buttons, event.x, event.y)

    def refresh(self) -> None:
        """Paint what is out of date and let every client know."""
        changed = self._screen.refresh()
        for session in self._sessions:
            session.damage.add(changed)

    def forget(self, session: 'DesktopSession') -> None:
        """The session is over; a picture that nobody sees is not kept."""
        self._sessions.remove(session)
        if not self._sessions:
            self._screen.release()

    def _close_others(self, session: 'DesktopSession') -> None:
        for other in self._sessions:
            if other is not session:
                other.close('another client wants the screen for itself')


class DesktopSession:
    """One client of a desktop."""

    def __init__(self, desktop: Desktop, shown: screen.Screen) -> None:
        self.damage = geometry.Damage()
        self.damage.add([screen.AREA])
        self._desktop = desktop
        self._screen = shown
        self._protocol = rfb.ServerProtocol(
            screen.AREA.width,
            screen.AREA.height,
            theme.showable(desktop.server.name),
        )
        self._encoder = pixels.Encoder()
        self._wanted = geometry.Rect(0, 0, 0, 0)
        self._closed: str | None = None

    def receive(self, data: bytes) -> None:
        """Take what the client sent."""
        for event in self._protocol.receive(data):
            if isinstance(event, rfb.UpdateRequest):
                self._wanted = self._wanted.union(event.region)
                if not event.incremental:
                    self.damage.add([event.region])
            else:
                self._desktop.handle(self, event)

    def produce(self) -> bytes:
        """What to send next: the handshake, or what changed if wanted."""
        output = self._protocol.take_output()
        if output or not self._wanted or self.why_closed() is not None:
            return output
        self._desktop.refresh()
        rects = self.damage.take(self._wanted)
        if not rects:
            return b''
        self._wanted = geometry.Rect(0, 0, 0, 0)
        protocol = self._protocol
        return protocol.update(
            [
                (
                    rect,
                    self._encoder.encode(
                        protocol.encoding,
                        self._screen.image(rect),
                        protocol.pixel_format,
                    ),
                )
                for rect in rects
            ],
            protocol.encoding,
        )

    def wants_input(self) -> bool:
        """What a client sends is dealt with at once."""
        return True

    def is_started(self) -> bool:
        """Whether the client finished its handshake."""
        return self._protocol.started

    def why_closed(self) -> str | None:
        """Why the connection is over, or None while it is not."""
        return self._closed or self._protocol.closed

    def close(self, why: str) -> None:
        """End the session; the loop drops its connection."""
        self._closed = why

    def end(self) -> None:
        """The connection is gone; nothing is called after this."""
        self._desktop.forget(self)
