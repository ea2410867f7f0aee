# SPDX-License-Identifier: Apache-2.0
"""What a running proxy takes over of its options and files."""

from collections.abc import Callable
import dataclasses
import ssl
from typing import TypeVar

from oslo_config import cfg

from console_api import exception
from console_api.proxy import direct
from console_api.proxy import entrance
from console_api.proxy import negotiation
from console_api.proxy import settings

_T = TypeVar('_T')


@dataclasses.dataclass(frozen=True)
class Renewal:
    """Each part as it is now, None where the old one stays.

    ``problems`` say which parts are no good, and why.
    """

    settings: settings.Settings | None
    rules: entrance.Rules | None
    trust: ssl.SSLContext | None
    files: direct.Settings | None
    problems: tuple[str, ...]


def load(conf: cfg.ConfigOpts) -> Renewal:
    """Read everything again; one part that is no good spoils no other."""
    problems: list[str] = []

    def part(what: str, read: Callable[[cfg.ConfigOpts], _T]) -> _T | None:
        try:
            return read(conf)
        except exception.ConfigurationError as exc:
            problems.append(f'{what} are kept: {exc}')
            return None

    return Renewal(
        part('settings', settings.load),
        part('trusted proxies', entrance.load),
        part('certificates for hypervisors', negotiation.load),
        part('.vv files', direct.load),
        tuple(problems),
    )
