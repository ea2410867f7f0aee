# SPDX-License-Identifier: Apache-2.0
"""The OpenAPI document is handed out and true of the service."""

import json
import subprocess
import sys
from typing import Any

import hypothesis
from hypothesis import strategies
import schemathesis
from schemathesis import checks
from schemathesis import generation
from schemathesis import openapi as schemathesis_openapi
from schemathesis.core import failures

from console_api.api import microversion
from console_api.api import openapi
from tests import base
from tests.fixtures import driver
from tests.fixtures import service

#: Requests for each operation, microversion and way to make them.
EXAMPLES = 8

CALLERS = (
    service.MEMBER,
    service.ADMIN,
    service.READER,
    service.STRANGER,
)
SERVERS = (
    '00000000-0000-4000-8000-000000000001',
    '00000000-0000-4000-8000-000000000002',
    '00000000-0000-4000-8000-000000000004',
    '00000000-0000-4000-8000-000000000010',
    '00000000-0000-4000-8000-000000000020',
)

CHECKS = [
    checks.not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_headers_conformance,
    checks.response_schema_conformance,
    checks.negative_data_rejection,
]


def version_of(text: str) -> microversion.Version:
    """The microversion that is written so."""
    return microversion.Version.parse(text)


class CommandTest(base.TestCase):
    def run_command(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """What ``console-api-manage openapi`` does, without a set-up."""
        return subprocess.run(
            [
                sys.executable,
                '-c',
                'import sys; from console_api.cmd import manage; '
                'sys.exit(manage.main())',
                'openapi',
                *arguments,
            ],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def test_prints_the_document(self) -> None:
        result = self.run_command('--root', 'http://h:8774/')
        self.assertEqual(0, result.returncode, result.stderr)
        self.assertEqual(
            openapi.document('http://h:8774'), json.loads(result.stdout)
        )

    def test_prints_the_document_of_a_version(self) -> None:
        result = self.run_command('--microversion', '2.6')
        self.assertEqual(0, result.returncode, result.stderr)
        self.assertEqual(
            openapi.document('', version_of('2.6')), json.loads(result.stdout)
        )

    def test_refuses_a_version_that_is_not_served(self) -> None:
        for text, reason in (
            ('2.105', 'is not supported'),
            ('six', 'of invalid format'),
        ):
            with self.subTest(version=text):
                result = self.run_command('--microversion', text)
                self.assertEqual(2, result.returncode)
                self.assertIn(reason, result.stderr)


class ServedTest(base.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.service = self.useFixture(service.Service())

    def test_is_served_to_everybody(self) -> None:
        answer = self.service.call('GET', openapi.PATH, token=None)
        self.assertEqual(200, answer.status_int)
        self.assertEqual('application/json', answer.content_type)
        self.assertEqual(openapi.document('http://localhost'), answer.json)

    def test_names_the_address_that_the_client_sees(self) -> None:
        self.conf.set_override(
            'compute_link_prefix', 'https://cloud/compute', group='api'
        )
        answer = self.service.call('GET', openapi.PATH)
        self.assertEqual(
            'https://cloud/compute/v2.1', answer.json['servers'][0]['url']
        )

    def test_is_not_there_for_another_method(self) -> None:
        answer = self.service.call('POST', openapi.PATH, {})
        self.assertEqual(404, answer.status_int)


class KeystoneTest(base.TestCase):
    def test_is_served_without_a_token(self) -> None:
        running = self.useFixture(
            service.Service(api={'auth_strategy': 'keystone'})
        )
        answer = running.call('GET', openapi.PATH, token=None)
        self.assertEqual(200, answer.status_int)


class SurfaceTest(base.TestCase):
    """Generated requests, good and bad ones, at several microversions.

    The requests are the same in each run. None may end with a 5xx; each
    answer has a status, headers and a body that the document says; and what
    breaks a schema is refused.
    """

    def setUp(self) -> None:
        super().setUp()
        self.service = self.useFixture(
            service.Service(driver.EveryConsole, mks={'enabled': True})
        )
        self.token = self.console_token()

    def console_token(self) -> str:
        """A token that can be looked up."""
        answer = self.service.call(
            'POST',
            f'/v2.1/servers/{SERVERS[0]}/remote-consoles',
            {'remote_console': {'protocol': 'vnc', 'type': 'novnc'}},
            version='2.6',
        )
        url: str = answer.json['remote_console']['url']
        return url.rsplit('%3D', 1)[1]

    def operations(self, version: str) -> list[Any]:
        """Every operation that a client of this version meets."""
        schema = schemathesis_openapi.from_dict(
            openapi.document('http://localhost', version_of(version))
        )
        schema.app = self.service.application
        return [found.ok() for found in schema.get_all_operations()]

    def good(self, version: str) -> None:
        """Send what fits the schemas."""
        found = self.operations(version)
        self.assertGreater(len(found), 8)
        for api_operation in found:
            self.drive(
                api_operation, version, generation.GenerationMode.POSITIVE
            )

    def bad(self, version: str) -> None:
        """Send what breaks the schema of a body or a query."""
        found = [o for o in self.operations(version) if o.body or o.query]
        self.assertGreater(len(found), 2)
        for api_operation in found:
            self.drive(
                api_operation, version, generation.GenerationMode.NEGATIVE
            )

    def drive(
        self, api_operation: Any, version: str, mode: generation.GenerationMode
    ) -> None:
        """Send requests for one operation."""
        cases = api_operation.as_strategy(
            generation_mode=mode,
            # Given, so that they are not among what is made wrong.
            headers={
                microversion.HEADER: f'compute {version}',
                'X-Auth-Token': service.MEMBER,
            },
        )

        @hypothesis.settings(
            max_examples=EXAMPLES,
            deadline=None,
            derandomize=True,
            database=None,
            phases=[hypothesis.Phase.generate],
            suppress_health_check=list(hypothesis.HealthCheck),
        )
        @hypothesis.given(
            cases,
            strategies.sampled_from((*SERVERS, None)),
            strategies.booleans(),
            strategies.sampled_from(CALLERS),
        )
        def run(
            case: schemathesis.Case,
            server: str | None,
            known: bool,
            caller: str,
        ) -> None:
            if server is not None and 'server_id' in case.path_parameters:
                case.path_parameters['server_id'] = server
            if known and 'console_token' in case.path_parameters:
                case.path_parameters['console_token'] = self.token
            response = case.call(
                # Without it, the servers of a path are not looked at.
                base_url=api_operation.base_url,
                headers={'X-Auth-Token': caller},
            )
            case.validate_response(response, checks=CHECKS)

        try:
            run()
        except* failures.Failure as exc:
            # Its own group is no Exception, and so would end the whole run.
            raise AssertionError(f'{api_operation.label}: {exc}') from exc

    def test_good_requests_at_2_1(self) -> None:
        self.good('2.1')

    def test_good_requests_at_2_6(self) -> None:
        self.good('2.6')

    def test_good_requests_at_2_8(self) -> None:
        self.good('2.8')

    def test_good_requests_at_2_31(self) -> None:
        self.good('2.31')

    def test_good_requests_at_2_99(self) -> None:
        self.good('2.99')

    def test_good_requests_at_2_104(self) -> None:
        self.good('2.104')

    def test_bad_requests_at_2_1(self) -> None:
        self.bad('2.1')

    def test_bad_requests_at_2_6(self) -> None:
        self.bad('2.6')

    def test_bad_requests_at_2_8(self) -> None:
        self.bad('2.8')

    def test_bad_requests_at_2_31(self) -> None:
        self.bad('2.31')

    def test_bad_requests_at_2_99(self) -> None:
        self.bad('2.99')

    def test_bad_requests_at_2_104(self) -> None:
        self.bad('2.104')
