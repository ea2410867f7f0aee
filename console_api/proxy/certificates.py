# SPDX-License-Identifier: Apache-2.0
"""The proxy's own certificate, new ones in its place, and whom it trusts.

New files are taken over at the next handshake after they were noticed;
sessions go on with what they began with.
"""

import dataclasses
import datetime
import itertools
import logging
import os
import pathlib
import ssl
import time

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from oslo_config import cfg

from console_api import exception

LOG = logging.getLogger(__name__)

#: Seconds between two looks at the files.
CHECK_INTERVAL = 10.0

_VERSIONS = {
    'default': ssl.TLSVersion.TLSv1_2,
    'tlsv1_1': ssl.TLSVersion.TLSv1_2,
    'tlsv1_2': ssl.TLSVersion.TLSv1_2,
    'tlsv1_3': ssl.TLSVersion.TLSv1_3,
}

#: Of each file what changes when it is written or replaced.
_State = tuple[tuple[int, int, int], ...]


@dataclasses.dataclass(frozen=True)
class Settings:
    """Files in PEM; without ``key`` it is in the file of the certificate."""

    certificate: str
    key: str | None = None
    minimum: ssl.TLSVersion = ssl.TLSVersion.TLSv1_2
    ciphers: str | None = None


def client_context(
    ca_certs: str | None, certificate: str | None, key: str | None
) -> ssl.SSLContext:
    """What servers are checked with, and what they are shown of us.

    Without ``ca_certs`` the authorities count that the system trusts. The
    name or address that is connected to must be in the certificate.

    :raises ConfigurationError: a file cannot be used
    """
    try:
        context = ssl.create_default_context(cafile=ca_certs)
    except (OSError, ssl.SSLError) as exc:
        raise exception.ConfigurationError(
            f'the certificates in {ca_certs} cannot be used: '
            f'{exc.strerror or exc}'
        ) from exc
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_RENEGOTIATION
    if certificate is None:
        return context
    try:
        # Without a password OpenSSL would ask for it on the terminal.
        context.load_cert_chain(certificate, key, password='')
    except (OSError, ssl.SSLError) as exc:
        raise exception.ConfigurationError(
            f'the certificate in {certificate} with the key in '
            f'{key or certificate} cannot be used: {exc.strerror or exc}'
        ) from exc
    return context


def load(conf: cfg.ConfigOpts) -> 'Certificate | None':
    """The certificate of this configuration; None without one.

    :raises ConfigurationError: it cannot be used, or is needed and not there
    """
    if not conf.cert:
        for name, value in (('ssl_only', conf.ssl_only), ('key', conf.key)):
            if value:
                raise exception.ConfigurationError(
                    f'[DEFAULT] {name} is set, and [DEFAULT] cert is not'
                )
        return None
    return Certificate(
        Settings(
            conf.cert,
            conf.key or None,
            _VERSIONS[conf.console.ssl_minimum_version],
            conf.console.ssl_ciphers or None,
        )
    )


class Certificate:
    """What clients are shown; follows its files.

    :raises ConfigurationError: a file cannot be used
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._seen = self._state()
        self._checked = time.monotonic()
        self._context = _context(settings)

    def context(self) -> ssl.SSLContext:
        """What a new connection uses; looks at the files now and then."""
        now = time.monotonic()
        if now >= self._checked + CHECK_INTERVAL:
            self._checked = now
            if self._state() != self._seen:
                self.reload()
        return self._context

    def reload(self) -> None:
        """Read the files again; keep what was if they are no good."""
        # Before they are read: what is written meanwhile is seen next time.
        self._seen = self._state()
        try:
            self._context = _context(self._settings)
        except exception.ConfigurationError as exc:
            LOG.error('The old certificate is kept: %s', exc)
        else:
            LOG.info('The certificate was read again')

    def _state(self) -> _State:
        return tuple(
            _file_state(path)
            for path in (self._settings.certificate, self._settings.key)
            if path is not None
        )


def _file_state(path: str) -> tuple[int, int, int]:
    try:
        found = os.stat(path)
    except OSError:
        return (0, 0, 0)
    return (found.st_mtime_ns, found.st_size, found.st_ino)


def _context(settings: Settings) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = settings.minimum
    context.options |= ssl.OP_NO_RENEGOTIATION
    # Browsers may offer HTTP/2 too, which is not spoken here.
    context.set_alpn_protocols(['http/1.1'])
    if settings.ciphers is not None:
        try:
            context.set_ciphers(settings.ciphers)
        except ssl.SSLError as exc:
            raise exception.ConfigurationError(
                f'[console] ssl_ciphers: {settings.ciphers!r} names no cipher'
            ) from exc
    _check_chain(settings.certificate)
    if settings.key is not None:
        _read('key', settings.key)
    try:
        context.load_cert_chain(
            settings.certificate, settings.key, password=_no_password
        )
    except _EncryptedError as exc:
        raise exception.ConfigurationError(
            f'{_key_name(settings)} is encrypted; the proxy has no password '
            'for it'
        ) from exc
    except (OSError, ssl.SSLError) as exc:
        raise exception.ConfigurationError(_mismatch(settings, exc)) from exc
    return context


def _mismatch(settings: Settings, error: OSError) -> str:
    if getattr(error, 'reason', None) == 'KEY_VALUES_MISMATCH':
        return (
            f'{_key_name(settings)} is not the key of the certificate in '
            f'{settings.certificate}'
        )
    return f'{_key_name(settings)} holds no private key that can be used'


def _key_name(settings: Settings) -> str:
    if settings.key is None:
        return f'[DEFAULT] cert: {settings.certificate}'
    return f'[DEFAULT] key: {settings.key}'


class _EncryptedError(Exception):
    """OpenSSL asked for a password."""


def _no_password() -> str:
    # Or it would ask on the terminal.
    raise _EncryptedError


def _read(option: str, path: str) -> bytes:
    try:
        return pathlib.Path(path).read_bytes()
    except OSError as exc:
        raise exception.ConfigurationError(
            f'[DEFAULT] {option}: cannot read {path}: {exc.strerror}'
        ) from exc


def _check_chain(path: str) -> None:
    """Refuse what is no certificate; warn of what browsers will refuse."""
    try:
        chain = x509.load_pem_x509_certificates(_read('cert', path))
    except ValueError as exc:
        raise exception.ConfigurationError(
            f'[DEFAULT] cert: {path} holds no certificate in PEM'
        ) from exc
    now = datetime.datetime.now(datetime.UTC)
    if chain[0].not_valid_after_utc < now:
        LOG.warning(
            'The certificate in %s has expired at %s',
            path,
            chain[0].not_valid_after_utc,
        )
    elif chain[0].not_valid_before_utc > now:
        LOG.warning(
            'The certificate in %s is not valid before %s',
            path,
            chain[0].not_valid_before_utc,
        )
    for place, (one, issuer) in enumerate(itertools.pairwise(chain)):
        try:
            one.verify_directly_issued_by(issuer)
        except (InvalidSignature, TypeError, ValueError):
            LOG.warning(
                'In %s, certificate %d was not issued by certificate %d: '
                'each must be followed by its issuer',
                path,
                place + 1,
                place + 2,
            )
