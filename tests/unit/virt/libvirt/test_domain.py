# SPDX-License-Identifier: Apache-2.0
"""Tests of reading a domain's XML, friendly and hostile."""

import datetime

from hypothesis import given
from hypothesis import settings
from hypothesis import strategies

from console_api.virt.libvirt import domain
from tests import base

ID = '6695eb01-f6a4-8304-79aa-97f2502e193f'

NOVA = """
  <metadata>
    <other:thing xmlns:other="urn:x"><nova:name xmlns:nova="urn:y"/>
    </other:thing>
    <nova:instance
      xmlns:nova="http://openstack.org/xmlns/libvirt/nova/{version}">
      <nova:name>{name}</nova:name>
      <nova:creationTime>2026-01-02 03:04:05</nova:creationTime>
      <nova:owner>
        <nova:user uuid="u-1">admin</nova:user>
        <nova:project uuid="p-1">demo</nova:project>
      </nova:owner>
    </nova:instance>
  </metadata>
"""


def xml(inner: str = '', running: bool = True) -> str:
    number = " id='7'" if running else ''
    return (
        f"<domain type='kvm'{number}><name>instance-01</name>"
        f'<uuid>{ID}</uuid>{inner}</domain>'
    )


def devices(inner: str) -> str:
    return xml(f'<devices>{inner}</devices>')


class IdentityTest(base.TestCase):
    def test_running_domain_has_its_identity(self) -> None:
        found = domain.parse(xml())
        self.assertEqual((ID, 'instance-01'), (found.id, found.name))
        self.assertTrue(found.active)

    def test_domain_without_a_number_is_not_active(self) -> None:
        self.assertFalse(domain.parse(xml(running=False)).active)

    def test_uuid_is_made_canonical(self) -> None:
        text = xml().replace(ID, ID.upper().replace('-', ''))
        self.assertEqual(ID, domain.parse(text).id)

    def test_domain_without_a_uuid_is_refused(self) -> None:
        for value in ('', 'x', ID + '0'):
            self.assertRaises(
                domain.InvalidDomain, domain.parse, xml().replace(ID, value)
            )

    def test_domain_without_a_name_is_refused(self) -> None:
        text = xml().replace('instance-01', '  ')
        self.assertRaises(domain.InvalidDomain, domain.parse, text)

    def test_long_name_is_cut_to_what_the_database_holds(self) -> None:
        text = xml().replace('instance-01', 'n' * 10_000)
        self.assertEqual('n' * 255, domain.parse(text).name)


class NovaTest(base.TestCase):
    def nova(self, name: str = 'web', version: str = '1.1') -> str:
        return xml(NOVA.format(name=name, version=version))

    def test_metadata_of_nova_is_read(self) -> None:
        created = datetime.datetime(2026, 1, 2, 3, 4, 5, tzinfo=datetime.UTC)
        self.assertEqual(
            domain.NovaInstance('web', 'p-1', 'u-1', created),
            domain.parse(self.nova()).nova,
        )

    def test_every_version_of_the_namespace_is_taken(self) -> None:
        for version in ('1.0', '1.1', '1.27'):
            found = domain.parse(self.nova(version=version)).nova
            assert found is not None
            self.assertEqual('p-1', found.project_id)

    def test_another_namespace_is_not_nova(self) -> None:
        for version in ('2.0', '1.1/x', '1.', '1.1 '):
            self.assertIsNone(domain.parse(self.nova(version=version)).nova)

    def test_domain_without_metadata_has_none_of_nova(self) -> None:
        self.assertIsNone(domain.parse(xml()).nova)
        self.assertIsNone(domain.parse(xml('<metadata/>')).nova)

    def test_incomplete_metadata_leaves_what_is_missing_open(self) -> None:
        text = self.nova()
        for junk in ('uuid="p-1"', 'uuid="u-1"', '2026-01-02 '):
            text = text.replace(junk, '')
        self.assertEqual(domain.NovaInstance('web'), domain.parse(text).nova)

    def test_owner_that_is_too_long_is_nobody(self) -> None:
        text = self.nova().replace('p-1', 'p' * 256)
        found = domain.parse(text).nova
        assert found is not None
        self.assertIsNone(found.project_id)

    def test_markup_in_a_name_stays_text(self) -> None:
        found = domain.parse(self.nova('&lt;b&gt;$(x);')).nova
        assert found is not None
        self.assertEqual('<b>$(x);', found.name)


class GraphicsTest(base.TestCase):
    def test_vnc_and_spice_are_read(self) -> None:
        text = devices(
            "<graphics type='vnc' port='5900' autoport='yes' "
            "listen='10.0.0.1' websocket='5700'>"
            "<listen type='address' address='10.0.0.1'/></graphics>"
            "<graphics type='spice' port='5901' tlsPort='5902'>"
            "<listen type='address' address='::1'/></graphics>"
        )
        vnc = domain.Graphics(
            domain.GraphicsType.VNC, port=5900, address='10.0.0.1'
        )
        spice = domain.Graphics(
            domain.GraphicsType.SPICE, port=5901, tls_port=5902, address='::1'
        )
        found = domain.parse(text)
        self.assertEqual((vnc, spice), found.graphics)
        self.assertEqual(vnc, found.graphics_of(domain.GraphicsType.VNC))
        self.assertEqual(spice, found.graphics_of(domain.GraphicsType.SPICE))

    def test_address_of_the_old_attribute_is_read(self) -> None:
        text = devices("<graphics type='vnc' port='1' listen='10.0.0.1'/>")
        self.assertEqual('10.0.0.1', domain.parse(text).graphics[0].address)

    def test_unix_socket_is_read_and_is_no_tcp(self) -> None:
        text = devices(
            "<graphics type='vnc'><listen type='socket' socket='/a/b'/>"
            '</graphics>'
        )
        found = domain.parse(text).graphics[0]
        self.assertEqual(('/a/b', False), (found.socket, found.tcp))

    def test_device_that_does_not_listen_is_no_tcp(self) -> None:
        text = devices(
            "<graphics type='spice'><listen type='none'/></graphics>"
        )
        self.assertFalse(domain.parse(text).graphics[0].tcp)

    def test_other_types_are_passed_over(self) -> None:
        text = devices("<graphics type='sdl'/><graphics/><graphics type=''/>")
        self.assertEqual((), domain.parse(text).graphics)

    def test_guest_without_devices_has_none(self) -> None:
        found = domain.parse(xml())
        self.assertIsNone(found.graphics_of(domain.GraphicsType.VNC))

    def test_port_that_cannot_be_connected_to_is_none(self) -> None:
        for port in (
            '-1',
            '0',
            '65536',
            '99999999999999999999',
            '',
            ' 5900',
            '5900\n',
            '5_900',
            '0x17',
            '5e3',
            '٥٩٠٠',
        ):
            text = devices(f"<graphics type='vnc' port='{port}'/>")
            self.assertIsNone(domain.parse(text).graphics[0].port, port)

    def test_first_and_last_port_are_taken(self) -> None:
        for port in (1, 65535):
            text = devices(f"<graphics type='vnc' port='{port}'/>")
            self.assertEqual(port, domain.parse(text).graphics[0].port)


class SerialTest(base.TestCase):
    def test_every_back_end_is_read(self) -> None:
        text = devices(
            "<serial type='tcp'><source mode='bind' host='127.0.0.1' "
            "service='10000'/><log file='/var/log/a'/><target port='0'/>"
            "</serial><serial type='unix'><source mode='bind' path='/a'/>"
            "<target port='1'/></serial>"
            "<serial type='pty'><source path='/dev/pts/1'/>"
            "<target port='2'/></serial><serial type='spicevmc'/>"
        )
        kinds = domain.SerialType
        self.assertEqual(
            (
                domain.Serial(
                    0,
                    kinds.TCP,
                    address='127.0.0.1',
                    port=10000,
                    log_file='/var/log/a',
                ),
                domain.Serial(1, kinds.UNIX, path='/a'),
                domain.Serial(2, kinds.PTY, path='/dev/pts/1'),
            ),
            domain.parse(text).serials,
        )

    def test_port_that_dials_out_does_not_listen(self) -> None:
        text = devices(
            "<serial type='tcp'><source mode='connect' host='10.0.0.9' "
            "service='22'/></serial>"
        )
        found = domain.parse(text).serials[0]
        self.assertEqual((None, None), (found.address, found.port))

    def test_port_without_a_number_is_numbered_by_its_place(self) -> None:
        text = devices(
            "<serial type='pty'/><serial type='pty'><source path='/x'/>"
            "<target port='x'/></serial>"
        )
        self.assertEqual(
            [0, 1], [x.number for x in domain.parse(text).serials]
        )

    def test_port_that_carries_more_than_the_line_is_not_told(self) -> None:
        for source, protocol in (
            ('', "<protocol type='telnet'/>"),
            ("tls='yes'", "<protocol type='raw'/>"),
        ):
            text = devices(
                f"<serial type='tcp'><source mode='bind' host='127.0.0.1' "
                f"service='10000' {source}/>{protocol}</serial>"
            )
            self.assertIsNone(domain.parse(text).serials[0].port)
        text = text.replace("tls='yes'", "tls='no'")
        self.assertEqual(10000, domain.parse(text).serials[0].port)

    def test_socket_that_qemu_dials_is_not_told(self) -> None:
        text = devices(
            "<serial type='unix'><source mode='connect' path='/run/x'/>"
            '</serial>'
        )
        self.assertIsNone(domain.parse(text).serials[0].path)

    def test_name_of_the_device_is_told_while_it_runs(self) -> None:
        text = devices(
            "<serial type='pty'><source path='/dev/pts/3'/>"
            "<alias name='serial0'/></serial>"
        )
        self.assertEqual('serial0', domain.parse(text).serials[0].alias)


class LogsTest(base.TestCase):
    def test_each_file_is_told_once_serial_ports_first(self) -> None:
        text = devices(
            "<console type='pty'><log file='/b'/></console>"
            "<console type='pty'><log file='/a'/></console>"
            "<serial type='pty'><log file='/a'/></serial>"
            "<serial type='file'><source path='/c'/></serial>"
            "<serial type='tcp'><source path='/no'/></serial>"
        )
        self.assertEqual(('/a', '/c', '/b'), domain.parse(text).logs)


class PasswordTest(base.TestCase):
    def test_password_is_told_as_it_is_and_not_shown(self) -> None:
        text = devices("<graphics type='vnc' port='5900' passwd=' geheim'/>")
        found = domain.parse(text)
        self.assertEqual(' geheim', found.graphics[0].password)
        self.assertNotIn('geheim', repr(found))


class HostileTest(base.TestCase):
    def refused(self, text: str) -> str:
        error = self.assertRaises(domain.InvalidDomain, domain.parse, text)
        return str(error)

    def test_entities_are_refused_before_they_are_expanded(self) -> None:
        bomb = '<!DOCTYPE domain [<!ENTITY a "aaaa">' + ''.join(
            f'<!ENTITY a{n} "{f"&a{n - 1};" * 99 if n else "&a;"}">'
            for n in range(6)
        )
        text = bomb + ']>' + xml('<title>&a5;</title>')
        self.assertIn('document type', self.refused(text))

    def test_external_document_type_is_refused(self) -> None:
        text = '<!DOCTYPE domain SYSTEM "file:///etc/passwd">' + xml()
        self.assertIn('document type', self.refused(text))

    def test_oversized_text_is_refused(self) -> None:
        self.assertIn('longer', self.refused(xml('<title>' + 'x' * (1 << 20))))

    def test_deep_nesting_is_survived(self) -> None:
        depth = 140_000
        text = xml('<a>' * depth + '</a>' * depth)
        self.assertEqual(ID, domain.parse(text).id)

    def test_what_is_no_domain_is_refused(self) -> None:
        for text in ('', 'x', '<a>', '\0', '\ud800', xml()[:-1]):
            self.assertEqual('not well-formed', self.refused(text))

    def test_other_object_of_libvirt_is_refused(self) -> None:
        text = xml().replace('domain', 'network')
        self.assertEqual('not a domain', self.refused(text))

    @settings(max_examples=200, deadline=None)
    @given(strategies.text())
    def test_any_text_is_a_domain_or_refused(self, text: str) -> None:
        try:
            found = domain.parse(text)
        except domain.InvalidDomain:
            return
        self.assertTrue(found.id)

    @settings(max_examples=300, deadline=None)
    @given(strategies.data())
    def test_any_damage_ends_in_a_domain_or_a_refusal(
        self, data: strategies.DataObject
    ) -> None:
        text = NOVA.format(name='web', version='1.1') + (
            "<devices><graphics type='vnc' port='5900' tlsPort='5901'>"
            "<listen type='address' address='::'/></graphics>"
            "<serial type='tcp'><source mode='bind' service='1'/>"
            "<target port='0'/></serial></devices>"
        )
        text = xml(text)
        for _ in range(data.draw(strategies.integers(1, 4))):
            start = data.draw(strategies.integers(0, len(text)))
            length = data.draw(strategies.integers(0, 30))
            junk = data.draw(strategies.text(max_size=20))
            text = text[:start] + junk + text[start + length :]
        try:
            found = domain.parse(text)
        except domain.InvalidDomain:
            return
        ports = [x.port for x in (*found.graphics, *found.serials)]
        self.assertTrue(all(x is None or 0 < x < 65536 for x in ports))
