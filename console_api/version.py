# SPDX-License-Identifier: Apache-2.0
"""The version of this package."""

from importlib import metadata


def version_string() -> str:
    """The version as installed, such as ``1.0.0``."""
    try:
        return metadata.version('console-api')
    except metadata.PackageNotFoundError:
        return 'unknown'
