# SPDX-License-Identifier: Apache-2.0
"""No name reaches a shell (CVE-2026-42510): no other program is started."""

import ast

from tests import base
from tests.fixtures import source

#: What starts a program, by module and name.
_STARTERS = frozenset(
    {
        *(f'os.exec{way}' for way in ('l', 'le', 'lp', 'v', 've', 'vp')),
        *(f'os.spawn{way}' for way in ('l', 'le', 'lp', 'v', 've', 'vp')),
        'os.popen',
        'os.posix_spawn',
        'os.posix_spawnp',
        'os.startfile',
        'os.system',
        'pty.spawn',
    }
)
_MODULES = frozenset(
    {
        'commands',
        'oslo_concurrency.processutils',
        'oslo_privsep',
        'pexpect',
        'pickle',
        'shelve',
        'subprocess',
    }
)
_BUILT_IN = frozenset({'eval', 'exec'})


def _faults(module: source.Module) -> list[str]:
    found = [
        f'{module.name}:{one.line} imports {one.name}'
        for one in module.imports()
        if any(
            one.name == name or one.name.startswith(f'{name}.')
            for name in _MODULES
        )
    ]
    for node in ast.walk(module.tree()):
        if isinstance(node, ast.Attribute | ast.Name):
            name = ast.unparse(node)
            if name in _STARTERS | _BUILT_IN:
                found.append(f'{module.name}:{node.lineno} uses {name}')
    return found


class NoProgramTest(base.TestCase):
    def test_service_starts_no_program_and_runs_no_text(self) -> None:
        modules = source.modules()
        self.assertGreater(len(modules), 100)
        found = [fault for module in modules for fault in _faults(module)]
        self.assertEqual([], found)

    def test_what_would_do_so_is_found(self) -> None:
        text = (
            'import subprocess\nfrom os import path\nimport os\n'
            'os.system(name)\neval(name)\n'
        )
        self.assertEqual(
            [
                'console_api.x:1 imports subprocess',
                'console_api.x:4 uses os.system',
                'console_api.x:5 uses eval',
            ],
            _faults(source.Module('console_api.x', text)),
        )
