# SPDX-License-Identifier: Apache-2.0
"""Who may import whom; HACKING.rst has the reasons."""

import ast
from collections.abc import Mapping
from collections.abc import Sequence
import graphlib
import sys
import unittest

from tests.fixtures import source

#: Modules that every layer may know: they know no layer themselves.
CORE = (
    'batches',
    'bulkhead',
    'busclient',
    'busprobe',
    'calls',
    'context',
    'conf',
    'embedded',
    'exception',
    'figures',
    'hostnames',
    'httpdeadline',
    'keepalive',
    'novaapi',
    'policies',
    'policy',
    'rpc',
    'service',
    'silence',
    'statusserver',
    'systemd',
    'telemetry',
    'threads',
    'version',
    'workers',
)
#: Facts and pure functions about consoles, without I/O.
FACTS = (
    'consoles.output',
    'consoles.targets',
    'consoles.tokens',
    'consoles.types',
    'consoles.urls',
)
RPC_CLIENTS = ('agent.rpcapi', 'conductor.rpcapi')
INTERFACE = ('virt.driver',)
_BELOW_CLIENTS = (*CORE, *FACTS, *INTERFACE)
_BELOW_USE_CASES = (*_BELOW_CLIENTS, *RPC_CLIENTS, 'db')
_USE_CASES = ('consoles', 'servers')
_EVERYTHING = ('',)

#: Place -> what it may import besides itself. The longest place that a
#: module's name starts with is its place.
MAY_IMPORT: Mapping[str, Sequence[str]] = {
    **dict.fromkeys(CORE, CORE),
    **dict.fromkeys(FACTS, (*CORE, *FACTS)),
    **dict.fromkeys(INTERFACE, (*CORE, *FACTS)),
    **dict.fromkeys(RPC_CLIENTS, _BELOW_CLIENTS),
    'db': (*CORE, *FACTS),
    'servers': _BELOW_USE_CASES,
    'consoles': (*_BELOW_USE_CASES, 'servers'),
    'virt': _BELOW_CLIENTS,
    'agent': (*_BELOW_CLIENTS, *RPC_CLIENTS),
    'conductor': (*_BELOW_USE_CASES, *_USE_CASES),
    'api.controllers': (*CORE, *FACTS, *_USE_CASES, 'api'),
    'api': (*_BELOW_USE_CASES, *_USE_CASES, 'api.controllers'),
    'proxy': (*CORE, *FACTS, *RPC_CLIENTS),
    'cmd': _EVERYTHING,
    'wsgi': _EVERYTHING,
    'fixture': _EVERYTHING,
}

#: A library or standard module -> the only places that may import it.
ONLY_IN: Mapping[str, Sequence[str]] = {
    'asyncio': ('proxy', 'cmd'),
    'uvloop': ('proxy', 'cmd'),
    'cryptography': ('proxy',),
    'h11': ('proxy',),
    'prometheus_client': (
        'agent',
        'conductor',
        'figures',
        'proxy',
        'telemetry',
    ),
    'webob': ('api',),
    'routes': ('api',),
    'paste': ('api', 'cmd', 'wsgi'),
    'keystoneauth1': ('novaapi',),
    'urllib3': ('httpdeadline',),
    'keystonemiddleware': ('api',),
    'cheroot': ('cmd',),
    'sqlalchemy': ('db',),
    'alembic': ('db',),
    're2': ('db',),
    'oslo_db': ('db', 'cmd'),
    'libvirt': ('virt.libvirt',),
    'PIL': ('virt.fake',),
}

#: These import the standard library, each other and the errors, no more.
STANDARD_ONLY = (
    'proxy.ws',
    'proxy.rfb',
    'proxy.spice',
    'proxy.forwarded',
    'proxy.origin',
    'proxy.proxyprotocol',
    'consoles.targets',
    'consoles.types',
    'consoles.urls',
    'virt.libvirt.domain',
)
#: Compiled, and not worth writing again in Python.
STANDARD_EXCEPTIONS = {'proxy.ws': 'websockets.speedups'}

#: Where the one configuration object is named; the rest is handed it. Paste
#: and the tools of oslo.policy call without it.
CONF_USERS = ('cmd', 'wsgi', 'api.app', 'api.auth', 'policy')

#: May be missing, so a function imports it when it is needed.
OPTIONAL = frozenset({'cheroot', 'libvirt', 'PIL', 'uvloop', 'yaml'})


def is_in(name: str, place: str) -> bool:
    """Whether a module, by its name below the package, is at a place."""
    return place == '' or name == place or name.startswith(f'{place}.')


def place_of(name: str, places: Sequence[str]) -> str | None:
    """The longest of the places that the module is at."""
    return max((p for p in places if is_in(name, p)), key=len, default=None)


class Tree:
    """The imports of a set of modules, by names below the package."""

    def __init__(self, modules: Sequence[source.Module]) -> None:
        names = [module.name for module in modules]
        self.imports = {
            _short(module.name): module.imports(names) for module in modules
        }

    def own(self, name: str) -> list[source.Import]:
        """What a module imports of the project."""
        return [i for i in self.imports[name] if is_in(i.name, source.PACKAGE)]

    def foreign(self, name: str) -> list[source.Import]:
        """What a module imports from elsewhere."""
        own = self.own(name)
        return [i for i in self.imports[name] if i not in own]

    def wrong_direction(self) -> list[str]:
        """Imports against the direction of the layers."""
        return [
            f'{name}:{i.line} imports {i.name}'
            for name in self.imports
            for i in self.own(name)
            if not self._allowed(name, _short(i.name))
        ]

    @staticmethod
    def _allowed(name: str, imported: str) -> bool:
        places = list(MAY_IMPORT)
        mine = place_of(name, places)
        theirs = place_of(imported, places)
        if imported == '' or mine == theirs:
            return True
        if mine is None or theirs is None:
            # Only the package itself has no place.
            return name == ''
        return '' in MAY_IMPORT[mine] or theirs in MAY_IMPORT[mine]

    def misplaced(self) -> list[str]:
        """Modules that no layer has a place for."""
        places = list(MAY_IMPORT)
        return [n for n in self.imports if n and place_of(n, places) is None]

    def cycles(self) -> list[str]:
        """The first import cycle, if there is one."""
        graph = {
            name: {_short(i.name) for i in self.own(name)} - {'', name}
            for name in self.imports
        }
        try:
            graphlib.TopologicalSorter(graph).prepare()
        except graphlib.CycleError as exc:
            return list(exc.args[1])
        return []

    def nested(self) -> list[str]:
        """Imports inside functions of what is not optional."""
        return [
            f'{name}:{i.line} imports {i.name} inside a function'
            for name, imports in self.imports.items()
            for i in imports
            if i.nested and _top(i.name) not in OPTIONAL
        ]

    def out_of_bounds(self) -> list[str]:
        """Libraries that are imported outside their layer."""
        return [
            f'{name}:{i.line} imports {i.name}'
            for name in self.imports
            for i in self.foreign(name)
            if _top(i.name) in ONLY_IN
            and place_of(name, ONLY_IN[_top(i.name)]) is None
        ]

    def not_standard(self) -> list[str]:
        """What the modules import that should get by with Python alone."""
        found = []
        for name, imports in self.imports.items():
            place = place_of(name, STANDARD_ONLY)
            if place is None:
                continue
            found += [
                f'{name}:{i.line} imports {i.name}'
                for i in imports
                if not _is_standard(i.name)
                and not is_in(i.name, STANDARD_EXCEPTIONS.get(place, '?'))
            ]
        return found

    def reached(self, place: str) -> set[str]:
        """All modules of the project that a place needs, near and far."""
        todo = [name for name in self.imports if is_in(name, place)]
        seen: set[str] = set()
        while todo:
            name = todo.pop()
            if name not in seen and name in self.imports:
                seen.add(name)
                todo += [_short(i.name) for i in self.own(name)]
        return seen


def _short(name: str) -> str:
    return name.removeprefix(source.PACKAGE).removeprefix('.')


def _top(name: str) -> str:
    return name.split('.', maxsplit=1)[0]


def _is_standard(name: str) -> bool:
    if _top(name) in sys.stdlib_module_names or name == source.PACKAGE:
        return True
    allowed = (*STANDARD_ONLY, 'exception')
    own = is_in(name, source.PACKAGE)
    return own and place_of(_short(name), allowed) is not None


def names_conf(module: source.Module) -> bool:
    """Whether a module takes the configuration from the global name."""
    return any(
        isinstance(node, ast.Attribute)
        and node.attr == 'CONF'
        and isinstance(node.value, ast.Name)
        and node.value.id == 'cfg'
        for node in ast.walk(module.tree())
    )


class LayeringTest(unittest.TestCase):
    """The project's own modules."""

    def setUp(self) -> None:
        self.tree = Tree(source.modules())

    def test_imports_go_down_the_layers(self) -> None:
        self.assertEqual([], self.tree.wrong_direction())

    def test_each_module_has_a_place(self) -> None:
        self.assertEqual([], self.tree.misplaced())

    def test_there_is_no_import_cycle(self) -> None:
        self.assertEqual([], self.tree.cycles())

    def test_functions_import_optional_libraries_only(self) -> None:
        self.assertEqual([], self.tree.nested())

    def test_libraries_stay_in_their_layer(self) -> None:
        self.assertEqual([], self.tree.out_of_bounds())

    def test_parsers_need_the_standard_library_only(self) -> None:
        self.assertEqual([], self.tree.not_standard())

    def test_exposed_processes_cannot_reach_the_database(self) -> None:
        for place in ('agent', 'proxy', 'virt'):
            with self.subTest(place):
                reached = self.tree.reached(place)
                self.assertNotEqual(set(), reached)
                self.assertEqual(
                    [], [name for name in reached if is_in(name, 'db')]
                )

    def test_configuration_is_handed_in(self) -> None:
        users = [
            module.name
            for module in source.modules()
            if names_conf(module)
            and place_of(_short(module.name), CONF_USERS) is None
        ]
        self.assertEqual([], users)

    def test_nothing_imports_the_application_module(self) -> None:
        users = [
            name
            for name in self.tree.imports
            for i in self.tree.own(name)
            if _short(i.name) == 'wsgi.api'
        ]
        self.assertEqual([], users)


class RulesTest(unittest.TestCase):
    """The rules find what they are there for."""

    @staticmethod
    def tree(**texts: str) -> Tree:
        names = {name: name.replace('__', '.') for name in texts}
        return Tree(
            [
                source.Module(f'console_api.{names[name]}', text)
                for name, text in texts.items()
            ]
        )

    def test_upward_import_is_found(self) -> None:
        tree = self.tree(
            db__api='from console_api.consoles import broker',
            consoles__broker='',
        )
        self.assertEqual(
            ['db.api:1 imports console_api.consoles.broker'],
            tree.wrong_direction(),
        )

    def test_api_and_proxy_are_kept_apart(self) -> None:
        tree = self.tree(
            api__app='from console_api.proxy import server',
            proxy__server='import console_api.api.app',
        )
        self.assertEqual(2, len(tree.wrong_direction()))

    def test_controller_may_not_reach_the_tables(self) -> None:
        tree = self.tree(
            api__controllers__servers='from console_api.db import models',
            db__models='',
        )
        self.assertEqual(1, len(tree.wrong_direction()))

    def test_module_without_a_place_is_found(self) -> None:
        self.assertEqual(['utils'], self.tree(utils='').misplaced())

    def test_cycle_is_found(self) -> None:
        tree = self.tree(
            db__a='from console_api.db import b',
            db__b='from console_api.db import a',
        )
        self.assertEqual({'db.a', 'db.b'}, set(tree.cycles()))

    def test_relative_import_is_resolved(self) -> None:
        tree = self.tree(db__a='from . import b', db__b='from .a import c')
        self.assertEqual({'db.a', 'db.b'}, set(tree.cycles()))

    def test_import_inside_a_function_is_found(self) -> None:
        tree = self.tree(db__a='def f():\n    import json\n    import uvloop')
        self.assertEqual(
            ['db.a:2 imports json inside a function'], tree.nested()
        )

    def test_library_outside_its_layer_is_found(self) -> None:
        tree = self.tree(consoles__broker='import asyncio.events')
        self.assertEqual(1, len(tree.out_of_bounds()))

    def test_library_in_a_parser_is_found(self) -> None:
        tree = self.tree(
            proxy__ws__frames='import json\nimport h11\n'
            'from websockets.speedups import apply_mask',
            proxy__origin='from websockets.speedups import apply_mask',
        )
        self.assertEqual(
            [
                'proxy.ws.frames:2 imports h11',
                'proxy.origin:1 imports websockets.speedups.apply_mask',
            ],
            tree.not_standard(),
        )

    def test_global_configuration_is_found(self) -> None:
        for text, found in (('f(cfg.CONF.host)', True), ('cfg.Opt', False)):
            self.assertEqual(found, names_conf(source.Module('m', text)))

    def test_reach_goes_through_other_modules(self) -> None:
        tree = self.tree(
            proxy__a='from console_api import rpc',
            rpc='from console_api.db import api',
            db__api='',
        )
        self.assertIn('db.api', tree.reached('proxy'))
