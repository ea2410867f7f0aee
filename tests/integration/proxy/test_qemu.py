# SPDX-License-Identifier: Apache-2.0
"""A session to a real hypervisor's VNC server."""

import asyncio
import json
import logging
import pathlib
import tempfile

from tests.fixtures import certificates
from tests.fixtures import parts
from tests.functional.proxy import harness


class QemuCase(harness.ProxyTestCase):
    """A proxy before a guest whose VNC server has these options."""

    vnc_options = ''
    qemu_options: tuple[str, ...] = ()

    async def asyncSetUp(self) -> None:
        parts.require(self, 'qemu')
        await super().asyncSetUp()
        top = tempfile.TemporaryDirectory()
        self.addCleanup(top.cleanup)
        self.top = pathlib.Path(top.name)
        self.prepare()
        self.port = await self.start_qemu(self.top)
        self.descriptors = harness.count_descriptors()
        self.grant(self.port, secret=self.secret)
        await self.start_proxy()

    secret: str | None = None

    def prepare(self) -> None:
        """Set options before QEMU and the proxy start."""

    async def start_qemu(self, top: pathlib.Path) -> int:
        """A guest without a disk; returns the port of its VNC server."""
        program = parts.qemu()
        assert program is not None
        self.qemu = await asyncio.create_subprocess_exec(
            program,
            *('-machine', 'accel=tcg', '-nodefaults', '-vga', 'std'),
            # It looks for a free port itself and tells it by QMP.
            *('-vnc', f'127.0.0.1:1000,to=2000{self.vnc_options}'),
            *self.qemu_options,
            *('-qmp', f'unix:{top}/qmp,server=on,wait=on'),
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
        )
        self.addAsyncCleanup(self.stop_qemu)
        path = top / 'qmp'
        await self.until(lambda: self.listens(path), 'QEMU listens')
        reader, writer = await asyncio.open_unix_connection(path)
        await reader.readline()
        writer.write(b'{"execute": "qmp_capabilities"}\n')
        if self.secret is not None:
            command = {
                'execute': 'set_password',
                'arguments': {'protocol': 'vnc', 'password': self.secret},
            }
            writer.write(json.dumps(command).encode())
        writer.write(b'{"execute": "query-vnc"}\n')
        await reader.readuntil(b'"service": "')
        port = int((await reader.readuntil(b'"'))[:-1])
        writer.close()
        await writer.wait_closed()
        return port

    def listens(self, path: pathlib.Path) -> bool:
        """Whether the socket, which exists before it listens, does so."""
        rows = pathlib.Path('/proc/net/unix').read_text().splitlines()
        # The fourth column has the flag of listening sockets.
        return any(
            row.endswith(f' {path}') and row.split()[3] == '00010000'
            for row in rows
        )

    async def stop_qemu(self) -> None:
        if self.qemu.returncode is None:
            self.qemu.kill()
        await self.qemu.wait()

    async def see_the_screen(self) -> None:
        """Open a session; the guest's screen must come."""
        async with self.connect() as ws:
            await harness.rfb_open(ws)
            await ws.send(b'\x01')
            head = await harness.receive(ws, 24)
            width = int.from_bytes(head[:2], 'big')
            height = int.from_bytes(head[2:4], 'big')
            name = int.from_bytes(head[20:24], 'big')
            self.assertGreater(width * height, 0)
            if len(head) < 24 + name:
                head += await harness.receive(ws, 24 + name - len(head))
            self.assertIn(b'QEMU', head[24:])
            area = head[:4]
            # A whole update, in the server's own format, raw.
            await ws.send(b'\x02\x00\x00\x01\x00\x00\x00\x00')
            await ws.send(b'\x03\x00\x00\x00\x00\x00' + area)
            update = await harness.receive(ws, 16)
            self.assertEqual(b'\x00', update[:1])


class PlainTest(QemuCase):
    async def test_screen_of_the_guest_comes(self) -> None:
        await self.see_the_screen()

    async def test_guest_that_is_killed_ends_the_session(self) -> None:
        async with self.connect() as ws:
            await harness.rfb_open(ws)
            await ws.send(b'\x01')
            await harness.receive(ws, 24)
            self.qemu.kill()
            self.assertEqual(4005, await self.closing_of(ws))


class RefusedCase(QemuCase):
    """A guest that the proxy does not come to an agreement with."""

    async def assert_refused(self, reason: str) -> None:
        """The client is told 4004, the log why."""
        with self.assertLogs('console_api.proxy.journal', 'INFO') as logs:
            self.assertEqual(4004, await self.refusal())
            await self.nothing_left()
        self.assertIn(reason, '\n'.join(logs.output))


class PasswordTest(RefusedCase):
    vnc_options = ',password=on'
    secret = 'hunter42'

    def prepare(self) -> None:
        self.set('vnc', auth_schemes=['none', 'vnc'])

    async def test_password_of_the_agent_opens_the_screen(self) -> None:
        logging.getLogger().setLevel(logging.DEBUG)
        with self.assertLogs(level='DEBUG') as logs:
            await self.see_the_screen()
        self.assertNotIn('hunter42', '\n'.join(logs.output))

    async def test_wrong_password_is_refused(self) -> None:
        self.grant(self.port, secret='hunter43')
        await self.assert_refused('the security handshake failed: ')

    async def test_guest_with_a_password_that_nobody_knows_is_refused(
        self,
    ) -> None:
        self.grant(self.port)
        await self.assert_refused('offered: VNC_AUTH (2)')


class CertificateCase(RefusedCase):
    """QEMU wants certificates of the same authority as the proxy's."""

    host = '127.0.0.1'
    expired = False
    shows = True

    def prepare(self) -> None:
        authority = certificates.Authority(self.top / 'pki')
        server = authority.issue(self.host, expired=self.expired)
        client = authority.issue('proxy.example.com')
        self.set(
            'vnc',
            auth_schemes=['vencrypt', 'none'],
            vencrypt_ca_certs=str(self.trusted(authority).certificate),
        )
        if self.shows:
            self.set(
                'vnc',
                vencrypt_client_cert=str(client.certificate),
                vencrypt_client_key=str(client.key),
            )
        folder = self.top / 'qemu'
        folder.mkdir()
        for source, name in (
            (authority.certificate, 'ca-cert.pem'),
            (server.certificate, 'server-cert.pem'),
            (server.key, 'server-key.pem'),
        ):
            (folder / name).write_bytes(source.read_bytes())
        checks = 'no' if self.expired else 'yes'
        self.qemu_options = (
            '-object',
            f'tls-creds-x509,id=tls,dir={folder},endpoint=server,'
            f'verify-peer=on,sanity-check={checks}',
        )
        self.vnc_options = f',tls-creds=tls{self.vnc_options}'

    def trusted(
        self, authority: certificates.Authority
    ) -> certificates.Authority:
        """The authority that the proxy trusts."""
        return authority


class CertificateTest(CertificateCase):
    async def test_screen_comes_through_tls(self) -> None:
        await self.see_the_screen()

    async def test_guest_that_is_killed_ends_the_session(self) -> None:
        async with self.connect() as ws:
            await harness.rfb_open(ws)
            await ws.send(b'\x01')
            await harness.receive(ws, 24)
            self.qemu.kill()
            self.assertEqual(4005, await self.closing_of(ws))


class CertificateAndPasswordTest(CertificateCase):
    vnc_options = ',password=on'
    secret = 'hunter42'

    async def test_screen_comes_through_tls(self) -> None:
        await self.see_the_screen()

    async def test_guest_with_a_password_that_nobody_knows_is_refused(
        self,
    ) -> None:
        self.grant(self.port)
        await self.assert_refused('offered: X509_VNC (261)')


class WrongAuthorityTest(CertificateCase):
    def trusted(
        self, authority: certificates.Authority
    ) -> certificates.Authority:
        del authority
        return certificates.Authority(self.top / 'other', 'another')

    async def test_is_refused(self) -> None:
        await self.assert_refused('unable to get local issuer certificate')


class ExpiredTest(CertificateCase):
    expired = True

    async def test_is_refused(self) -> None:
        await self.assert_refused('certificate has expired')


class WrongHostTest(CertificateCase):
    host = '127.0.0.2'

    async def test_is_refused(self) -> None:
        await self.assert_refused("not valid for '127.0.0.1'")


class NoCertificateOfOursTest(CertificateCase):
    shows = False

    async def test_is_refused(self) -> None:
        await self.assert_refused('want another certificate of the proxy')
