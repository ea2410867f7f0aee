# SPDX-License-Identifier: Apache-2.0
"""The answer to the challenge of VNC Authentication (RFC 6143, 7.2.2)."""

from cryptography.hazmat.decrepit.ciphers import algorithms
from cryptography.hazmat.primitives import ciphers
from cryptography.hazmat.primitives.ciphers import modes

_KEY_LENGTH = 8
_REVERSED = bytes(int(f'{byte:08b}'[::-1], 2) for byte in range(256))


def answer(password: str, challenge: bytes) -> bytes:
    """The challenge encrypted with the password, as a server expects it."""
    return encrypt(password.encode(), challenge)


def encrypt(password: bytes, text: bytes) -> bytes:
    """The text in DES, whose key are the first 8 bytes of the password.

    The bits of each byte of it are in reverse (RFC 6143, errata 4951).
    """
    key = password[:_KEY_LENGTH].ljust(_KEY_LENGTH, b'\x00')
    # Three times the same key make Triple DES plain DES again.
    cipher = algorithms.TripleDES(key.translate(_REVERSED) * 3)
    encryptor = ciphers.Cipher(
        cipher,
        modes.ECB(),  # noqa: S305 - the protocol has it so
    ).encryptor()
    return encryptor.update(text) + encryptor.finalize()
