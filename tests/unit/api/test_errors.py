# SPDX-License-Identifier: Apache-2.0
import fixtures
import webob.exc

from console_api import exception
from console_api.api import errors
from tests import base

_REQUEST_ID = 'req-00000000-0000-4000-8000-000000000001'


class FaultTest(base.TestCase):
    def test_names_by_status(self) -> None:
        for status, name in (
            (400, 'badRequest'),
            (401, 'unauthorized'),
            (403, 'forbidden'),
            (404, 'itemNotFound'),
            (405, 'badMethod'),
            (406, 'computeFault'),
            (409, 'conflictingRequest'),
            (410, 'computeFault'),
            (413, 'overLimit'),
            (415, 'badMediaType'),
            (429, 'overLimit'),
            (500, 'computeFault'),
            (501, 'notImplemented'),
            (503, 'serviceUnavailable'),
        ):
            with self.subTest(status=status):
                answer = errors.fault(status, 'why')
                self.assertEqual(status, answer.status_int)
                self.assertEqual('application/json', answer.content_type)
                self.assertEqual(
                    {name: {'code': status, 'message': 'why'}}, answer.json
                )


class RetryTest(base.TestCase):
    def test_caller_is_told_when_to_come_back(self) -> None:
        for error, seconds in (
            (exception.HostUnavailable('x'), '5'),
            (exception.HostBusy('x'), '2'),
        ):
            with self.subTest(error=type(error).__name__):
                answer = errors.to_response(error, _REQUEST_ID)
                self.assertEqual(503, answer.status_int)
                self.assertEqual(seconds, answer.headers['Retry-After'])

    def test_nobody_knows_when_another_error_is_over(self) -> None:
        answer = errors.to_response(
            exception.InstanceNotFound('x'), _REQUEST_ID
        )
        self.assertNotIn('Retry-After', answer.headers)


class ToResponseTest(base.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.log = self.useFixture(fixtures.FakeLogger())

    def test_domain_error_has_its_status_and_message(self) -> None:
        answer = errors.to_response(
            exception.InstanceNotFound('x'), _REQUEST_ID
        )
        self.assertEqual(404, answer.status_int)
        self.assertEqual(
            'Instance x could not be found.',
            answer.json['itemNotFound']['message'],
        )

    def test_http_error_has_its_explanation(self) -> None:
        answer = errors.to_response(webob.exc.HTTPGone('gone'), _REQUEST_ID)
        self.assertEqual(
            {'computeFault': {'code': 410, 'message': 'gone'}}, answer.json
        )

    def test_unexpected_error_is_not_told(self) -> None:
        answer = errors.to_response(ValueError('password=secret'), _REQUEST_ID)
        self.assertEqual(500, answer.status_int)
        self.assertNotIn('secret', answer.text)
        self.assertNotIn('ValueError', answer.text)
        self.assertIn(_REQUEST_ID, answer.json['computeFault']['message'])

    def test_unexpected_error_is_logged_with_its_traceback(self) -> None:
        try:
            raise ValueError('the cause')
        except ValueError as exc:
            errors.to_response(exc, _REQUEST_ID)
        self.assertIn(_REQUEST_ID, self.log.output)
        self.assertIn('Traceback', self.log.output)
        self.assertIn('the cause', self.log.output)

    def test_domain_error_is_not_logged(self) -> None:
        errors.to_response(exception.TokenNotFound(), _REQUEST_ID)
        self.assertEqual('', self.log.output)


class ReasonTest(base.TestCase):
    def test_known_status(self) -> None:
        self.assertIn('precondition', errors.reason(412).lower())

    def test_unknown_status(self) -> None:
        self.assertEqual('The request failed.', errors.reason(499))
