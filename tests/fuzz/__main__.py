# SPDX-License-Identifier: Apache-2.0
"""Lets atheris look for bytes that a parser does not stand.

``python -m tests.fuzz TARGET [options of libFuzzer] [folders of inputs]``
"""

import pathlib
import sys
import tempfile


def main() -> int:
    """Fuzz one target until told otherwise."""
    try:
        import atheris  # noqa: PLC0415 - no dependency of the tests
    except ImportError:
        sys.stderr.write('atheris is not installed: pip install atheris\n')
        return 1
    with atheris.instrument_imports(include=['console_api.proxy']):
        from tests.fuzz import targets  # noqa: PLC0415 - only now counted
    name = sys.argv[1] if len(sys.argv) > 1 else ''
    target = targets.ALL.get(name)
    if target is None:
        sys.stderr.write(f'targets: {" ".join(targets.ALL)}\n')
        return 1
    with tempfile.TemporaryDirectory() as folder:
        for number, start in enumerate(targets.STARTS):
            place = pathlib.Path(folder) / str(number)
            place.write_bytes(bytes(4) + start)
            place.with_suffix('.whole').write_bytes(start)
        # What is new goes into the first folder.
        atheris.Setup([sys.argv[0], *sys.argv[2:], folder], target)
        atheris.Fuzz()
    return 0


if __name__ == '__main__':
    sys.exit(main())
