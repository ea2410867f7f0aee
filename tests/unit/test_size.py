# SPDX-License-Identifier: Apache-2.0
"""Nothing grows beyond what one can hold in mind."""

import ast
from collections.abc import Iterator
import unittest

from tests.fixtures import source

MODULE_LINES = 600
FUNCTION_LINES = 40
#: Name -> why it may be longer.
EXCEPTIONS: dict[str, str] = {}


def too_long(module: source.Module) -> Iterator[str]:
    """Name and length of each part of a module that is too long."""
    lines = module.text.count('\n')
    if lines > MODULE_LINES and module.name not in EXCEPTIONS:
        yield f'{module.name}: {lines} lines'
    for node in ast.walk(module.tree()):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = function_lines(node)
            name = f'{module.name}.{node.name}'
            if length > FUNCTION_LINES and name not in EXCEPTIONS:
                yield f'{name}: {length} lines'


def function_lines(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Its lines without the docstring: to explain costs nothing."""
    first, last = node.lineno, node.end_lineno or node.lineno
    if ast.get_docstring(node, clean=False) is not None:
        text = node.body[0]
        first += (text.end_lineno or text.lineno) - text.lineno + 1
    return last - first + 1


class SizeTest(unittest.TestCase):
    def check(self, package: str) -> None:
        modules = source.modules(package)
        self.assertNotEqual([], modules)
        found = [line for module in modules for line in too_long(module)]
        self.assertEqual([], found)

    def test_modules_and_functions_of_the_service_are_short(self) -> None:
        self.check('console_api')

    def test_modules_and_functions_of_the_tools_are_short(self) -> None:
        self.check('tools')

    def test_long_module_is_found(self) -> None:
        module = source.Module('m', 'x = 1\n' * (MODULE_LINES + 1))
        self.assertEqual(['m: 601 lines'], list(too_long(module)))

    def test_long_function_is_found(self) -> None:
        for head in ('def f():\n', 'async def f():\n'):
            module = source.Module('m', head + '    x = 1\n' * FUNCTION_LINES)
            self.assertEqual(['m.f: 41 lines'], list(too_long(module)))

    def test_docstring_is_not_counted(self) -> None:
        head = 'def f():\n    """a\n\n    b\n    """\n'
        for lines, found in ((39, []), (40, ['m.f: 41 lines'])):
            module = source.Module('m', head + '    x = 1\n' * lines)
            self.assertEqual(found, list(too_long(module)))
