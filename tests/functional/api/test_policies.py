# SPDX-License-Identifier: Apache-2.0
"""Who passes each rule, through the whole application; all others fail."""

from collections.abc import Mapping
import dataclasses
from typing import Any

from keystoneauth1 import fixture as keystone_fixture
from keystonemiddleware import fixture as middleware_fixture
from oslo_policy import policy

from console_api import policies
from tests import base
from tests.fixtures import driver
from tests.fixtures import service

_SERVER = '00000000-0000-4000-8000-000000000001'
_ACTION = f'/v2.1/servers/{_SERVER}/action'

#: Everybody that there is: the same project, another one, and no role.
CALLERS: Mapping[str, str] = {
    'admin': service.ADMIN,
    'manager': f'max:{service.PROJECT}:manager',
    'member': service.MEMBER,
    'reader': service.READER,
    'service': f'nova:{service.PROJECT}:service',
    'nobody': service.NOBODY,
    'other admin': f'root:{service.OTHER_PROJECT}:admin',
    'other member': service.STRANGER,
    'other reader': f'rob:{service.OTHER_PROJECT}:reader',
    'other service': service.SERVICE,
}
_ADMINS = frozenset({'admin', 'other admin'})
_MEMBERS = _ADMINS | {'manager', 'member'}
_READERS = _MEMBERS | {'reader'}
_SERVICES = frozenset({'service', 'other service'})


@dataclasses.dataclass(frozen=True)
class Case:
    """A request that a rule guards, and who it is for."""

    rule: str
    allowed: frozenset[str]
    path: str
    version: str = '2.1'
    body: Any = None
    #: What the policy file says, where the default lets nobody in.
    file: str = ''


_P = 'os_compute_api'
_OWN_LIST = frozenset(CALLERS) - {'service', 'nobody', 'other service'}
CASES = (
    Case(
        f'{_P}:os-remote-consoles',
        _MEMBERS,
        f'/v2.1/servers/{_SERVER}/remote-consoles',
        '2.6',
        {'remote_console': {'protocol': 'vnc', 'type': 'novnc'}},
    ),
    Case(
        f'{_P}:os-remote-consoles:view-only',
        _READERS,
        f'/v2.1/servers/{_SERVER}/remote-consoles',
        '2.6',
        {'remote_console': {'protocol': 'vnc', 'type': 'novnc'}},
        file='"os_compute_api:os-remote-consoles:view-only": '
        '"rule:project_reader_or_admin"\n',
    ),
    Case(
        f'{_P}:os-console-output',
        _MEMBERS,
        _ACTION,
        body={'os-getConsoleOutput': {}},
    ),
    Case(
        f'{_P}:os-console-auth-tokens',
        _ADMINS | _SERVICES,
        '/v2.1/os-console-auth-tokens/{token}',
        '2.31',
    ),
    Case(f'{_P}:servers:show', _READERS, f'/v2.1/servers/{_SERVER}'),
    # Everybody lists the servers of the project that the token is for.
    Case(f'{_P}:servers:index', _OWN_LIST, '/v2.1/servers'),
    Case(f'{_P}:servers:detail', _OWN_LIST, '/v2.1/servers/detail'),
    Case(
        f'{_P}:servers:index:get_all_tenants',
        _ADMINS,
        '/v2.1/servers?all_tenants=1',
    ),
    Case(
        f'{_P}:servers:detail:get_all_tenants',
        _ADMINS,
        '/v2.1/servers/detail?all_tenants=1',
    ),
)
_LEGACY = (
    ('os-getVNCConsole', 'novnc'),
    ('os-getSPICEConsole', 'spice-html5'),
    ('os-getSerialConsole', 'serial'),
)


class RoleMatrixTest(base.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.service = self.useFixture(
            service.Service(driver=driver.EveryConsole)
        )
        self.file = self.service.directory / 'policy.yaml'

    def _token(self) -> str:
        answer = self.service.call(
            'POST',
            f'/v2.1/servers/{_SERVER}/remote-consoles',
            {'remote_console': {'protocol': 'serial', 'type': 'serial'}},
            version='2.6',
        )
        return answer.json['remote_console']['url'].rpartition('=')[2]

    def _check(self, case: Case, token: str) -> None:
        for name, caller in CALLERS.items():
            with self.subTest(rule=case.rule, caller=name):
                answer = self.service.call(
                    'GET' if case.body is None else 'POST',
                    case.path.format(token=token),
                    case.body,
                    caller,
                    case.version,
                )
                if name in case.allowed:
                    self.assertEqual(200, answer.status_int, answer.text)
                else:
                    # A server of another project is not even there.
                    self.assertIn(answer.status_int, (403, 404))
                    self.assertNotIn('novnc', answer.text)

    def test_each_operation_is_for_its_roles(self) -> None:
        token = self._token()
        for case in CASES:
            self.file.write_text(case.file or '{}\n')
            self._check(case, token)

    def test_legacy_actions_are_for_the_same_roles(self) -> None:
        for action, kind in _LEGACY:
            self._check(
                Case(
                    f'{_P}:os-remote-consoles',
                    _MEMBERS,
                    _ACTION,
                    body={action: {'type': kind}},
                ),
                '',
            )

    def test_each_rule_of_an_operation_is_in_the_matrix(self) -> None:
        documented = {
            rule.name
            for rule in policies.list_rules()
            if isinstance(rule, policy.DocumentedRuleDefault)
        }
        self.assertEqual(documented, {case.rule for case in CASES})

    def test_refusal_names_the_rule(self) -> None:
        answer = self.service.call(
            'GET', '/v2.1/servers', token=service.NOBODY
        )
        self.assertEqual(
            "Policy doesn't allow os_compute_api:servers:index to be "
            'performed.',
            answer.json['forbidden']['message'],
        )


class PolicyFileTest(base.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.service = self.useFixture(
            service.Service(driver=driver.EveryConsole)
        )
        self.file = self.service.directory / 'policy.yaml'

    def _status(self, token: str) -> int:
        return self.service.call(
            'GET', '/v2.1/servers', token=token
        ).status_int

    def test_is_read_again_when_it_changes(self) -> None:
        self.assertEqual(403, self._status(service.NOBODY))
        self.file.write_text('"os_compute_api:servers:index": "@"\n')
        self.assertEqual(200, self._status(service.NOBODY))
        self.file.write_text('"os_compute_api:servers:index": "role:x"   \n')
        self.assertEqual(403, self._status(service.NOBODY))
        self.assertEqual(403, self._status(service.ADMIN))

    def test_names_of_nova_mean_the_same(self) -> None:
        self.file.write_text(
            '"project_reader_or_admin": "role:auditor"\n'
            '"context_is_admin": "role:admin"\n'
        )
        auditor = f'ann:{service.PROJECT}:auditor'
        self.assertEqual(200, self._status(auditor))
        self.assertEqual(403, self._status(service.READER))


class ScopeTest(base.TestCase):
    """With keystonemiddleware in front, and tokens that it was given."""

    def setUp(self) -> None:
        super().setUp()
        self.keystone = self.useFixture(middleware_fixture.AuthTokenFixture())
        self.service = self.useFixture(
            service.Service(
                driver=driver.EveryConsole,
                api={'auth_strategy': 'keystone'},
                keystone_authtoken={'www_authenticate_uri': 'http://keystone'},
            )
        )

    def _token(self, *roles: str, **scope: Any) -> str:
        token = keystone_fixture.V3Token(user_id='alice')
        if 'project_id' in scope:
            token.set_project_scope(id=scope['project_id'])
        if 'domain_id' in scope:
            token.set_domain_scope(id=scope['domain_id'])
        if 'system' in scope:
            token.set_system_scope()
        for role in roles:
            token.add_role(name=role)
        return self.keystone.add_token(token)

    def _create(self, token: str | None, **headers: str) -> int:
        return self._call(
            token,
            'POST',
            f'/v2.1/servers/{_SERVER}/remote-consoles',
            {'remote_console': {'protocol': 'vnc', 'type': 'novnc'}},
            **headers,
        )

    def _call(
        self,
        token: str | None,
        method: str,
        path: str,
        body: Any = None,
        **headers: str,
    ) -> int:
        request = self.service.request(method, path, body, token, '2.31')
        request.headers.update(headers)
        answer = request.get_response(self.service.application)
        self.last = answer
        return answer.status_int

    def test_member_of_the_project(self) -> None:
        token = self._token('member', project_id=service.PROJECT)
        self.assertEqual(200, self._create(token))

    def test_no_token(self) -> None:
        self.assertEqual(401, self._create(None))
        self.assertEqual(401, self.last.json['unauthorized']['code'])
        self.assertIn('WWW-Authenticate', self.last.headers)
        self.assertIn('X-Compute-Request-Id', self.last.headers)

    def test_unknown_token(self) -> None:
        self.assertEqual(401, self._create('nonsense'))
        self.assertEqual(401, self.last.json['unauthorized']['code'])

    def test_headers_of_the_caller_count_for_nothing(self) -> None:
        token = self._token('reader', project_id=service.PROJECT)
        self.assertEqual(
            403,
            self._create(
                token, **{'X-Roles': 'admin', 'X-Project-Id': service.PROJECT}
            ),
        )

    def test_version_documents_need_no_token(self) -> None:
        self.assertEqual(200, self._call(None, 'GET', '/'))
        self.assertEqual(200, self._call(None, 'GET', '/v2.1/'))

    def test_version_document_of_a_project_needs_one(self) -> None:
        path = f'/v2.1/{service.PROJECT}/'
        self.assertEqual(401, self._call(None, 'GET', path))

    def test_system_admin_is_out_of_scope(self) -> None:
        token = self._token('admin', 'member', 'reader', system=True)
        self.assertEqual(403, self._create(token))
        for path in (
            '/v2.1/servers',
            '/v2.1/servers?all_tenants=1',
            '/v2.1/servers/detail?all_tenants=1',
            f'/v2.1/servers/{_SERVER}',
            '/v2.1/os-console-auth-tokens/x',
        ):
            with self.subTest(path=path):
                self.assertEqual(403, self._call(token, 'GET', path))

    def test_domain_admin_is_out_of_scope(self) -> None:
        token = self._token('admin', domain_id='default')
        self.assertEqual(403, self._create(token))

    def test_unscoped_token_finds_nothing(self) -> None:
        self.assertEqual(404, self._create(self._token('member')))

    def test_service_user_looks_tokens_up(self) -> None:
        token = self._token('service', project_id='services')
        path = '/v2.1/os-console-auth-tokens/x'
        self.assertEqual(404, self._call(token, 'GET', path))

    def test_service_token_lends_its_role_to_nobody(self) -> None:
        member = self._token('member', project_id=service.PROJECT)
        helper = self._token('service', 'admin', project_id='services')
        path = '/v2.1/os-console-auth-tokens/x'
        self.assertEqual(
            403,
            self._call(member, 'GET', path, **{'X-Service-Token': helper}),
        )
