# SPDX-License-Identifier: Apache-2.0
"""The declarative tests of the API: one suite for each file in gabbits/."""

from collections.abc import Iterable
import pathlib
from typing import Any
import unittest

from gabbi import driver

from tests.functional.api import fixtures

_FILES = pathlib.Path(__file__).parent / 'gabbits'


def _application() -> Any:
    # Asked for before the fixture of a file has made the service.
    def lazy(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        service = fixtures.ConsoleFixture.running
        assert service is not None
        # No network is involved, and the host's name is gabbi's invention.
        environ.pop('REMOTE_ADDR', None)
        return service.application(environ, start_response)

    return lazy


def load_tests(
    loader: unittest.TestLoader, tests: unittest.TestSuite, pattern: str | None
) -> unittest.TestSuite:
    """The tests of the files, for the loader."""
    return driver.build_tests(
        str(_FILES),
        loader,
        intercept=_application,
        test_loader_name=__name__,
        fixture_module=fixtures,
    )
