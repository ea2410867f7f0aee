# SPDX-License-Identifier: Apache-2.0
"""What the operations of the OpenAPI document have in common."""

from collections.abc import Sequence
from typing import Any

from console_api import version as console_version
from console_api.api import errors
from console_api.api import microversion
from console_api.api import validation

JSON = dict[str, Any]

MEDIA_TYPE = 'application/json'
#: The key that OpenStack's own generators put such facts under.
EXTENSION = 'x-openstack'
#: The name of the security scheme.
TOKEN = 'token'  # noqa: S105 - a name

#: The document itself, as far as anybody needs to check it.
DOCUMENT_RESPONSE = validation.Schema(
    {
        'type': 'object',
        'properties': {
            'openapi': {'type': 'string', 'pattern': r'^3\.1\.\d+$'},
            'paths': {'type': 'object', 'additionalProperties': True},
        },
        'required': ['openapi', 'paths'],
        'additionalProperties': True,
    }
)

_REQUEST_ID_PATTERN = '^req-[0-9a-f-]{36}$'
_REQUEST_IDS = ('X-Compute-Request-Id', 'X-Openstack-Request-Id')


def info() -> JSON:
    """Title and versions."""
    return {
        'title': 'Console API',
        'version': console_version.version_string(),
        'description': (
            'Consoles of servers. Paths, bodies, status codes and '
            'microversions are those of the Compute API.'
        ),
        'license': {'name': 'Apache-2.0', 'identifier': 'Apache-2.0'},
        EXTENSION: version_range(
            microversion.MIN_VERSION, microversion.MAX_VERSION
        ),
    }


def servers(mount: str) -> list[JSON]:
    """Each path is served with and without the caller's project."""
    return [
        {'url': mount},
        {
            'url': f'{mount}/{{project_id}}',
            'variables': {
                'project_id': {
                    'default': '0' * 32,
                    'description': "The project of the caller's token.",
                }
            },
        },
    ]


def version_range(
    since: microversion.Version, until: microversion.Version
) -> JSON:
    """From when to when something is served, both ends included."""
    return {'min-ver': str(since), 'max-ver': str(until)}


def reference(kind: str, name: str) -> JSON:
    """A reference to a component."""
    return {'$ref': f'#/components/{kind}/{name}'}


def alternatives(schemas: Sequence[JSON]) -> JSON:
    """What one of several microversions takes or answers.

    One body may be good at several, so this is no ``oneOf``.
    """
    if len(schemas) == 1:
        return schemas[0]
    return {
        'anyOf': list(schemas),
        EXTENSION: {'discriminator': 'microversion'},
    }


def answer(schema: JSON, versioned: bool) -> JSON:
    """A response with status 200."""
    names = [*_REQUEST_IDS]
    if versioned:
        names += [microversion.HEADER, microversion.LEGACY_HEADER]
    return {
        'description': 'OK',
        'headers': {name: reference('headers', name) for name in names},
        'content': {MEDIA_TYPE: {'schema': schema}},
    }


def headers() -> JSON:
    """The headers of each answer."""
    request_id = {
        'description': 'The id of this request, for the operator of the '
        'cloud.',
        'required': True,
        'schema': {'type': 'string', 'pattern': _REQUEST_ID_PATTERN},
    }
    version = {
        'description': 'The microversion that the answer is of.',
        'required': True,
    }
    number = r'\d+\.\d+'
    return {
        **dict.fromkeys(_REQUEST_IDS, request_id),
        microversion.HEADER: {
            **version,
            'schema': {
                'type': 'string',
                'pattern': f'^{microversion.SERVICE_TYPE} {number}$',
            },
        },
        microversion.LEGACY_HEADER: {
            **version,
            'schema': {'type': 'string', 'pattern': f'^{number}$'},
        },
    }


def version_parameter(version: microversion.Version | None) -> JSON:
    """The header by which a client names the microversion; maybe just one."""
    service = microversion.SERVICE_TYPE
    if version is None:
        schema = {
            'type': 'string',
            'pattern': rf'^{service} ([1-9]\d*\.\d+|latest)$',
            'default': f'{service} {microversion.MIN_VERSION}',
        }
    else:
        schema = {'type': 'string', 'const': f'{service} {version}'}
    return {
        'name': microversion.HEADER,
        'in': 'header',
        'required': version not in (None, microversion.MIN_VERSION),
        'description': (
            'The microversion to answer with, from '
            f'{microversion.MIN_VERSION} to {microversion.MAX_VERSION} or '
            f'latest; {microversion.MIN_VERSION} without the header.'
        ),
        'schema': schema,
    }


def security_schemes() -> JSON:
    """How a caller says who it is."""
    return {
        TOKEN: {
            'type': 'apiKey',
            'in': 'header',
            'name': 'X-Auth-Token',
            'description': 'A token of the Identity service.',
        }
    }


def fault_key(status: int) -> str:
    """The name of the components of a fault."""
    return f'fault.{status}'


def fault_response(status: int) -> JSON:
    """An error as it leaves the service."""
    return {
        'description': errors.reason(status),
        'content': {
            MEDIA_TYPE: {'schema': reference('schemas', fault_key(status))}
        },
    }


def fault_schema(status: int) -> JSON:
    """The body of an error."""
    name = errors.fault_name(status)
    return {
        'type': 'object',
        'properties': {
            name: {
                'type': 'object',
                'properties': {
                    'code': {'const': status},
                    'message': {'type': 'string', 'minLength': 1},
                },
                'required': ['code', 'message'],
                'additionalProperties': False,
            }
        },
        'required': [name],
        'additionalProperties': False,
    }
