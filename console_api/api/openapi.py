# SPDX-License-Identifier: Apache-2.0
"""The OpenAPI document, made from the route table and the schemas.

What differs between microversions is listed as alternatives, each with its
range under ``x-openstack``.
"""

from collections.abc import Iterable
from collections.abc import Sequence
import dataclasses
import inspect
import re
from typing import Any

from console_api.api import microversion
from console_api.api import openapi_components as components
from console_api.api import operation
from console_api.api import routes
from console_api.api import validation
from console_api.api.controllers import versions
from console_api.api.schemas import parameters
from console_api.api.schemas import versions as version_schemas

JSON = components.JSON

#: Where the routes are, and the document itself.
MOUNT = '/v2.1'
PATH = f'{MOUNT}/openapi.json'

#: The root of a project; that of the API is public.
_PROJECT_ROOT = '/{project_id}/'
_VARIABLE = re.compile(r'\{(\w+)\}')

#: Refused before a route is looked at, or by a filter in front.
_ALWAYS = frozenset({400, 401, 404, 406, 500, 503})
_WITH_BODY = frozenset({413, 415})
_REMOVED = 410


def document(root: str, version: microversion.Version | None = None) -> JSON:
    """The whole API or, with a version, what a client of that one meets.

    ``root`` is the URL of the service without ``/v2.1``; it may be empty.
    """
    return _Writer(root, version).write()


@dataclasses.dataclass(frozen=True)
class _Served:
    """A row of the route table at one range of microversions."""

    route: routes.Route
    handler: operation.Handler
    operation: operation.Operation

    @property
    def noun(self) -> str:
        """What the row is about: the name of the controller's module."""
        return self.route.controller.__module__.rsplit('.', 1)[-1]

    def component(self, kind: str) -> str:
        """The name of the schema of its request or response."""
        return (
            f'{self.noun}.{self.handler.__name__}.{kind}'
            f'.{self.operation.since}'
        )


class _Writer:
    """One document while it is made; collects the components."""

    def __init__(
        self, root: str, version: microversion.Version | None
    ) -> None:
        self._root = root
        self._version = version
        self._schemas: JSON = {}
        self._statuses: set[int] = set()

    def write(self) -> JSON:
        """The document."""
        paths = {**self._public_paths(), **self._paths()}
        statuses = sorted(self._statuses)
        return {
            'openapi': '3.1.0',
            'info': components.info(),
            'servers': components.servers(self._root + MOUNT),
            'security': [{components.TOKEN: []}],
            'paths': paths,
            'components': {
                'schemas': self._schemas
                | {
                    components.fault_key(s): components.fault_schema(s)
                    for s in statuses
                },
                'responses': {
                    components.fault_key(s): components.fault_response(s)
                    for s in statuses
                },
                'parameters': {
                    microversion.HEADER: components.version_parameter(
                        self._version
                    )
                },
                'headers': components.headers(),
                'securitySchemes': components.security_schemes(),
            },
        }

    def _public_paths(self) -> JSON:
        # The list of versions and this document have no microversions.
        return {
            '/': self._public('/', versions.index, False),
            f'{MOUNT}/': self._public(f'{MOUNT}/', versions.show, True),
            PATH: self._public(PATH, document, False),
        }

    def _public(self, path: str, handler: Any, versioned: bool) -> JSON:
        name = _identifier('get', path)
        self._schemas[name] = _PUBLIC_ANSWERS[handler].document
        schema = components.reference('schemas', name)
        written: JSON = {
            'operationId': name,
            'tags': ['versions'],
            **_words(handler),
            'security': [],
            'responses': {'200': components.answer(schema, versioned)},
        }
        if versioned:
            written['parameters'] = [_version_header()]
            written['responses'] |= self._faults({400, 406})
        return {'servers': [{'url': self._root or '/'}], 'get': written}

    def _paths(self) -> JSON:
        paths: JSON = {}
        for route in routes.ROUTES:
            key = _PROJECT_ROOT if route.path == '/' else route.path
            method = route.method.lower()
            if route.path == '' or method in paths.get(key, {}):
                continue
            written = self._operation(
                method,
                key,
                [
                    other
                    for other in routes.ROUTES
                    if (other.path, other.method) == (route.path, route.method)
                ],
            )
            if written is not None:
                item = paths.setdefault(key, self._path_item(key))
                item[method] = written
        return paths

    def _path_item(self, path: str) -> JSON:
        item: JSON = {}
        if path == _PROJECT_ROOT:
            # The path names the project already.
            item['servers'] = [{'url': self._root + MOUNT}]
        names = _VARIABLE.findall(path)
        if names:
            item['parameters'] = [_path_parameter(name) for name in names]
        return item

    def _operation(
        self, method: str, path: str, rows: Sequence[routes.Route]
    ) -> JSON | None:
        name = _identifier(method, path)
        if rows[0].handler is None:
            return {
                'operationId': name,
                'summary': 'Removed from the API',
                'deprecated': True,
                'responses': self._faults(_ALWAYS | {_REMOVED}),
            }
        served = [s for row in rows for s in self._served(row)]
        if not served:
            return None
        written: JSON = {
            'operationId': name,
            'tags': sorted({s.noun for s in served}),
            **_heading(served),
            components.EXTENSION: components.version_range(
                min(s.operation.since for s in served),
                max(s.operation.until for s in served),
            ),
            'parameters': [_version_header(), *_query(served)],
            'responses': {
                '200': components.answer(self._answers(served), True),
                **self._faults(_statuses(served)),
            },
        }
        body = self._body(served)
        if body is not None:
            written['requestBody'] = {
                'required': True,
                'content': {components.MEDIA_TYPE: {'schema': body}},
            }
        return written

    def _served(self, route: routes.Route) -> list[_Served]:
        if route.handler is None:
            return []
        return [
            _Served(route, route.handler, found)
            for found in operation.operations_of(route.handler)
            if self._version is None
            or found.since <= self._version <= found.until
        ]

    def _answers(self, served: Iterable[_Served]) -> JSON:
        return components.alternatives(
            [self._schema(s, 'response', s.operation.response) for s in served]
        )

    def _body(self, served: Iterable[_Served]) -> JSON | None:
        actions: dict[str | None, list[JSON]] = {}
        for s in served:
            if s.operation.body is not None:
                actions.setdefault(s.route.action, []).append(
                    self._schema(s, 'request', s.operation.body)
                )
        schemas = [components.alternatives(a) for a in actions.values()]
        if len(schemas) < 2:
            return schemas[0] if schemas else None
        return {
            'oneOf': schemas,
            components.EXTENSION: {'discriminator': 'action'},
        }

    def _schema(
        self, served: _Served, kind: str, schema: validation.Schema
    ) -> JSON:
        facts = components.version_range(
            served.operation.since, served.operation.until
        )
        if served.route.action is not None:
            facts['action-name'] = served.route.action
        name = served.component(kind)
        self._schemas[name] = {**schema.document, components.EXTENSION: facts}
        return components.reference('schemas', name)

    def _faults(self, statuses: Iterable[int]) -> JSON:
        wanted = sorted(statuses)
        self._statuses.update(wanted)
        return {
            str(status): components.reference(
                'responses', components.fault_key(status)
            )
            for status in wanted
        }


_PUBLIC_ANSWERS = {
    versions.index: version_schemas.INDEX_RESPONSE,
    versions.show: version_schemas.SHOW_RESPONSE,
    document: components.DOCUMENT_RESPONSE,
}


def _path_parameter(name: str) -> JSON:
    return {
        'name': name,
        'in': 'path',
        'required': True,
        'schema': parameters.PATH[name],
    }


def _heading(served: Sequence[_Served]) -> JSON:
    actions = {s.route.action: s.handler for s in served}
    if None in actions:
        return _words(served[0].handler)
    lines = (
        f'* `{action}`: {_words(handler)["summary"]}'
        for action, handler in actions.items()
    )
    return {'summary': 'Act on a server', 'description': '\n'.join(lines)}


def _words(handler: Any) -> JSON:
    summary, _, description = (inspect.getdoc(handler) or '').partition('\n\n')
    words = {'summary': ' '.join(summary.split()).removesuffix('.')}
    if description:
        words['description'] = ' '.join(description.split())
    return words


def _query(served: Iterable[_Served]) -> list[JSON]:
    found = {
        name: schema
        for s in served
        for name, schema in s.operation.query.document.get(
            'properties', {}
        ).items()
    }
    return [
        {'name': name, 'in': 'query', 'schema': schema}
        for name, schema in found.items()
    ]


def _statuses(served: Iterable[_Served]) -> set[int]:
    found = set(_ALWAYS)
    for s in served:
        found.update(e.status for e in operation.faults_of(s.handler))
        if s.operation.body is not None:
            found |= _WITH_BODY
    return found


def _version_header() -> JSON:
    return components.reference('parameters', microversion.HEADER)


def _identifier(method: str, path: str) -> str:
    return '_'.join([method, *(re.findall(r'\w+', path) or ['root'])])
