# SPDX-License-Identifier: Apache-2.0
"""No secret is the same in two installations (CVE-2013-2756)."""

import re

from console_api import conf as console_conf
from tests import base
from tests.fixtures import source

#: Names of options that hold secrets, here and in the libraries.
_SECRET = re.compile(r'password|secret|(?<!console)_key$|^key$|transport_url')
#: What the samples and guides write where the operator's own belongs.
_ASSIGNMENT = re.compile(
    r'^\s*[a-z_]*(?:password|secret)[a-z_]*\s*=\s*(\S+)', re.MULTILINE
)


class DefaultsTest(base.TestCase):
    def test_no_option_has_a_secret_by_default(self) -> None:
        seen = 0
        for group, options in console_conf.list_opts():
            for option in options:
                seen += 1
                if option.secret or _SECRET.search(option.dest):
                    self.assertIsNone(
                        option.default, f'[{group}] {option.dest}'
                    )
        self.assertGreater(seen, 50)

    def test_no_file_that_is_installed_has_a_secret(self) -> None:
        for path in (source.ROOT / 'etc').rglob('*'):
            if path.is_file():
                text = path.read_text(encoding='utf-8')
                self.assertEqual([], _ASSIGNMENT.findall(text), path.name)
