# SPDX-License-Identifier: Apache-2.0
"""The handshake with a hypervisor's RFB server."""

from console_api.proxy.rfb import dialogue
from console_api.proxy.rfb import hypervisor
from console_api.proxy.rfb import security
from tests import base

V33 = b'RFB 003.003\n'
V37 = b'RFB 003.007\n'
V38 = b'RFB 003.008\n'


class HypervisorTest(base.TestCase):
    means = security.Means()

    def run_over(
        self, stream: bytes, size: int = 0
    ) -> tuple[dialogue.Dialogue, list[bytes]]:
        """The dialogue after this stream, in pieces of ``size`` bytes."""
        talk = hypervisor.handshake(self.means)
        sent = talk.begin()
        for start in range(0, len(stream), size or len(stream)):
            sent += talk.feed(stream[start : start + (size or len(stream))])
        return talk, sent

    def assertAgrees(
        self, stream: bytes, sent: list[bytes], rest: bytes = b''
    ) -> None:
        for size in (0, 1, 2, 3, 5):
            talk, messages = self.run_over(stream + rest, size)
            self.assertTrue(talk.done)
            self.assertIsNone(talk.error)
            self.assertEqual(sent, messages)
            self.assertEqual(rest, talk.leftover)

    def assertFails(
        self, fault: dialogue.Fault, stream: bytes
    ) -> dialogue.HandshakeError:
        for size in (1, 0):
            talk, _ = self.run_over(stream, size)
            self.assertTrue(talk.done)
            assert talk.error is not None
            self.assertIs(fault, talk.error.fault)
            self.assertIn(fault.value, talk.error.words)
        assert talk.error is not None
        return talk.error


class AgreementTest(HypervisorTest):
    def test_38(self) -> None:
        self.assertAgrees(V38 + b'\x01\x01' + bytes(4), [V38, b'\x01'])

    def test_38_among_other_types(self) -> None:
        self.assertAgrees(V38 + b'\x03\x02\x13\x01' + bytes(4), [V38, b'\x01'])

    def test_37_has_no_result(self) -> None:
        self.assertAgrees(V37 + b'\x01\x01', [V37, b'\x01'])

    def test_33_dictates_the_type(self) -> None:
        self.assertAgrees(V33 + b'\x00\x00\x00\x01', [V33])

    def test_versions_between_are_33(self) -> None:
        self.assertAgrees(b'RFB 003.005\n\x00\x00\x00\x01', [V33])

    def test_later_versions_are_38(self) -> None:
        for version in (b'RFB 003.889\n', b'RFB 004.001\n', b'RFB 005.000\n'):
            self.assertAgrees(version + b'\x01\x01' + bytes(4), [V38, b'\x01'])

    def test_what_follows_is_kept(self) -> None:
        self.assertAgrees(
            V38 + b'\x01\x01' + bytes(4), [V38, b'\x01'], b'early'
        )


class FaultTest(HypervisorTest):
    def test_not_a_version(self) -> None:
        for greeting in (
            b'HTTP/1.1 400',
            b'RFB 003.008\r',
            b'RFB 003x008\n',
            b'RFB  03.008\n',
            b'\xff' * 12,
        ):
            error = self.assertFails(dialogue.Fault.VERSION, greeting)
            self.assertIn(repr(greeting.decode('latin-1')), error.words)

    def test_version_before_33(self) -> None:
        self.assertFails(dialogue.Fault.VERSION, b'RFB 003.002\n')
        self.assertFails(dialogue.Fault.VERSION, b'RFB 000.000\n')

    def test_no_type_that_is_accepted(self) -> None:
        error = self.assertFails(dialogue.Fault.TYPE, V38 + b'\x02\x02\xfe')
        self.assertIn('VNC_AUTH (2), unknown (254)', error.words)

    def test_33_dictates_another_type(self) -> None:
        self.assertFails(dialogue.Fault.TYPE, V33 + b'\x00\x00\x00\x02')

    def test_33_dictates_a_type_beyond_a_byte(self) -> None:
        self.assertFails(dialogue.Fault.TYPE, V33 + b'\x00\x00\x01\x01')
        self.assertFails(dialogue.Fault.TYPE, V33 + b'\xff' * 4)

    def test_refusal_has_a_reason(self) -> None:
        reason = b'\x00\x00\x00\x04busy'
        for stream in (V38 + b'\x00', V37 + b'\x00', V33 + bytes(4)):
            error = self.assertFails(dialogue.Fault.REFUSED, stream + reason)
            self.assertEqual("'busy'", error.detail)

    def test_refusal_without_a_reason(self) -> None:
        self.assertFails(dialogue.Fault.REFUSED, V38 + b'\x00' + bytes(4))

    def test_reason_of_4_gib_is_not_awaited(self) -> None:
        for stream in (
            V38 + b'\x00',
            V37 + b'\x00',
            V33 + bytes(4),
            V38 + b'\x01\x01\x00\x00\x00\x01',
        ):
            self.assertFails(dialogue.Fault.LENGTH, stream + b'\xff' * 4)

    def test_longest_reason_is_read(self) -> None:
        length = dialogue.MAX_REASON
        self.assertFails(
            dialogue.Fault.REFUSED,
            V38 + b'\x00' + length.to_bytes(4, 'big') + b'x' * length,
        )

    def test_bad_result_with_a_reason(self) -> None:
        for result in (1, 2, 0xFFFFFFFF):
            error = self.assertFails(
                dialogue.Fault.FAILED,
                V38
                + b'\x01\x01'
                + result.to_bytes(4, 'big')
                + b'\x00\x00\x00\x02no',
            )
            self.assertEqual("'no'", error.detail)

    def test_reason_cannot_forge_log_lines(self) -> None:
        error = self.assertFails(
            dialogue.Fault.REFUSED, V38 + b'\x00\x00\x00\x00\x03a\nb'
        )
        self.assertNotIn('\n', error.words)

    def test_nothing_is_sent_after_a_fault(self) -> None:
        talk, _ = self.run_over(b'HTTP/1.1 400')
        self.assertEqual([], talk.feed(V38 + b'\x01\x01'))


ALL = (
    security.SecurityType.VENCRYPT,
    security.SecurityType.VNC_AUTH,
    security.SecurityType.NONE,
)


def backwards(challenge: bytes) -> bytes:
    """An answer that a test can tell from the challenge."""
    return challenge[::-1]


class PasswordTest(HypervisorTest):
    means = security.Means(ALL, backwards)

    def test_challenge_is_answered(self) -> None:
        challenge = bytes(range(16))
        for version in (V38, V37):
            self.assertAgrees(
                version + b'\x01\x02' + challenge + bytes(4),
                [version, b'\x02', challenge[::-1]],
                b'early',
            )

    def test_33_dictates_it(self) -> None:
        challenge = bytes(range(16))
        self.assertAgrees(
            V33 + b'\x00\x00\x00\x02' + challenge + bytes(4),
            [V33, challenge[::-1]],
        )

    def test_wrong_password_has_a_reason(self) -> None:
        error = self.assertFails(
            dialogue.Fault.FAILED,
            V38
            + b'\x01\x02'
            + bytes(16)
            + b'\x00\x00\x00\x01\x00\x00\x00\x02no',
        )
        self.assertEqual("'no'", error.detail)

    def test_wrong_password_without_a_reason(self) -> None:
        error = self.assertFails(
            dialogue.Fault.FAILED,
            V37 + b'\x01\x02' + bytes(16) + b'\x00\x00\x00\x01',
        )
        self.assertEqual('result 1', error.detail)

    def test_without_a_password_it_is_not_chosen(self) -> None:
        self.means = security.Means(ALL)
        self.assertFails(dialogue.Fault.TYPE, V38 + b'\x01\x02')
        self.assertAgrees(V38 + b'\x02\x02\x01' + bytes(4), [V38, b'\x01'])

    def test_password_does_not_show(self) -> None:
        self.assertNotIn('backwards', repr(self.means))


VENCRYPT = V38 + b'\x01\x13' + b'\x00\x02' + b'\x00'
NONE = b'\x00\x00\x01\x04'
VNC = b'\x00\x00\x01\x05'


class VeNCryptTest(HypervisorTest):
    means = security.Means(ALL, tls=True)

    def until_tls(
        self, stream: bytes, size: int = 0
    ) -> tuple[dialogue.Dialogue, list[bytes]]:
        talk, sent = self.run_over(stream, size)
        self.assertFalse(talk.done)
        self.assertTrue(talk.wants_tls)
        return talk, sent

    def test_tls_comes_before_the_result(self) -> None:
        for size in (0, 1, 3):
            talk, sent = self.until_tls(VENCRYPT + b'\x01' + NONE + b'\x01')
            self.assertEqual([V38, b'\x13', b'\x00\x02', NONE], sent)
            self.assertEqual([], talk.secured())
            self.assertFalse(talk.wants_tls)
            for place in range(0, 4, size or 4):
                self.assertFalse(talk.done)
                talk.feed(bytes(4)[place : place + (size or 4)])
            self.assertTrue(talk.done)
            self.assertIsNone(talk.error)

    def test_password_goes_through_tls_only(self) -> None:
        self.means = security.Means(ALL, backwards, tls=True)
        talk, sent = self.until_tls(VENCRYPT + b'\x02' + NONE + VNC + b'\x01')
        self.assertEqual(VNC, sent[-1])
        talk.secured()
        challenge = bytes(range(16))
        self.assertEqual([challenge[::-1]], talk.feed(challenge))
        talk.feed(bytes(4))
        self.assertTrue(talk.done)
        self.assertIsNone(talk.error)

    def test_bytes_before_tls_are_not_taken_for_protected_ones(self) -> None:
        talk, _ = self.run_over(VENCRYPT + b'\x01' + NONE + b'\x01' + b'x')
        self.assertFalse(talk.wants_tls)
        assert talk.error is not None
        self.assertIn('bytes before TLS', talk.error.words)

    def test_types_without_certificates_are_not_chosen(self) -> None:
        offered = b'\x03\x00\x00\x01\x01\x00\x00\x01\x02\xff\xff\xff\xff'
        error = self.assertFails(dialogue.Fault.TYPE, VENCRYPT + offered)
        self.assertIn(
            'TLS_NONE (257), TLS_VNC (258), unknown (4294967295)', error.words
        )

    def test_password_type_without_a_password_is_not_chosen(self) -> None:
        self.assertFails(dialogue.Fault.TYPE, VENCRYPT + b'\x01' + VNC)

    def test_no_types_at_all(self) -> None:
        self.assertFails(dialogue.Fault.TYPE, VENCRYPT + b'\x00')

    def test_most_types(self) -> None:
        self.assertFails(dialogue.Fault.TYPE, VENCRYPT + b'\xff' * 1021)

    def test_old_version(self) -> None:
        self.assertFails(
            dialogue.Fault.VERSION, V38 + b'\x01\x13' + b'\x00\x01'
        )

    def test_version_that_is_refused(self) -> None:
        self.assertFails(dialogue.Fault.VERSION, V38 + b'\x01\x13\x00\x02\x01')

    def test_type_that_is_refused(self) -> None:
        for answer in (b'\x00', b'\x02'):
            self.assertFails(
                dialogue.Fault.FAILED, VENCRYPT + b'\x01' + NONE + answer
            )

    def test_without_certificates_it_is_not_chosen(self) -> None:
        self.means = security.Means(ALL)
        self.assertFails(dialogue.Fault.TYPE, V38 + b'\x01\x13')


class OrderTest(HypervisorTest):
    def test_wanted_types_are_tried_in_our_order(self) -> None:
        self.means = security.Means(ALL, backwards, tls=True)
        for offered, chosen in (
            (b'\x03\x01\x02\x13', b'\x13'),
            (b'\x02\x01\x02', b'\x02'),
            (b'\x02\xfe\x01', b'\x01'),
        ):
            _, sent = self.run_over(V38 + offered)
            self.assertEqual([V38, chosen], sent)

    def test_types_that_are_not_wanted_are_not_chosen(self) -> None:
        self.means = security.Means(ALL[:1], backwards, tls=True)
        self.assertFails(dialogue.Fault.TYPE, V38 + b'\x02\x01\x02')
