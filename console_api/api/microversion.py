# SPDX-License-Identifier: Apache-2.0
"""Which microversion a request asks for (API.md, section Versions)."""

from collections.abc import Mapping
import dataclasses
import re

import microversion_parse

from console_api import exception

SERVICE_TYPE = 'compute'
HEADER = 'OpenStack-API-Version'
LEGACY_HEADER = 'X-OpenStack-Nova-API-Version'

_FORMAT = re.compile(r'([1-9][0-9]*)\.(0|[1-9][0-9]*)', re.ASCII)


@dataclasses.dataclass(frozen=True, order=True)
class Version:
    """A microversion; compares by number, prints as ``2.6``."""

    major: int
    minor: int

    def __str__(self) -> str:
        return f'{self.major}.{self.minor}'

    @classmethod
    def parse(cls, text: str) -> 'Version':
        """The version of a string.

        :raises InvalidVersionString: it is not two numbers and a dot
        """
        match = _FORMAT.fullmatch(text)
        if match is None or len(text) > 20:
            raise exception.InvalidVersionString(text[:255])
        return cls(int(match[1]), int(match[2]))


MIN_VERSION = Version(2, 1)
#: Nova's own maximum, so that a client may send one version to both; after
#: 2.99 none touches consoles.
MAX_VERSION = Version(2, 104)


def requested(headers: Mapping[str, str]) -> Version:
    """The version that the headers ask for, served or not.

    Without a header, or with one for another service, it is the minimum.

    :raises InvalidVersionString: the header is malformed
    """
    # keystonemiddleware leaves headers without a value among the others.
    given = {name: headers.get(name) for name in (HEADER, LEGACY_HEADER)}
    text = microversion_parse.get_version(
        [(name, value) for name, value in given.items() if value],
        SERVICE_TYPE,
        legacy_headers=[LEGACY_HEADER],
    )
    if not text:
        return MIN_VERSION
    return MAX_VERSION if text == 'latest' else Version.parse(text)


def check_served(version: Version) -> None:
    """Return if this service speaks the version.

    :raises VersionNotSupported: it is below the minimum or over the maximum
    """
    if not MIN_VERSION <= version <= MAX_VERSION:
        raise exception.VersionNotSupported(
            str(version), str(MIN_VERSION), str(MAX_VERSION)
        )


def response_headers(version: Version) -> list[tuple[str, str]]:
    """What each answer of a controller says of its version."""
    return [
        (HEADER, f'{SERVICE_TYPE} {version}'),
        (LEGACY_HEADER, str(version)),
        ('Vary', f'{HEADER}, {LEGACY_HEADER}'),
    ]
