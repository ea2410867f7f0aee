# SPDX-License-Identifier: Apache-2.0
"""Errors on their way over a bus that carries text."""

import string

from oslo_config import cfg
import oslo_messaging
from oslo_messaging._drivers import common

from console_api import exception
from tests import base


def _domain_errors(
    kind: type[exception.DomainError] = exception.DomainError,
) -> list[type[exception.DomainError]]:
    found = []
    for subclass in kind.__subclasses__():
        if subclass.__module__ == exception.__name__:
            found += [subclass, *_domain_errors(subclass)]
    return found


def _instance(kind: type[exception.DomainError]) -> exception.DomainError:
    fields = [
        name
        for _, name, _, _ in string.Formatter().parse(kind.template)
        if name is not None
    ]
    return kind(*(f'argument-{name}' for name in sorted(set(fields))))


def _carried(error: Exception) -> Exception:
    message = common.serialize_remote_exception((type(error), error, None))
    return common.deserialize_remote_exception(
        message, ['console_api.exception']
    )


class DomainErrorTest(base.TestCase):
    def test_there_are_errors_to_check(self) -> None:
        self.assertGreater(len(_domain_errors()), 10)

    def test_arrives_as_what_it_was(self) -> None:
        for kind in _domain_errors():
            with self.subTest(kind=kind.__name__):
                error = _instance(kind)
                arrived = _carried(error)
                self.assertIsInstance(arrived, kind)
                self.assertEqual(error.status, arrived.status)
                self.assertEqual(error.args, arrived.args)

    def test_says_nothing_of_the_other_host_to_the_caller(self) -> None:
        for kind in _domain_errors():
            with self.subTest(kind=kind.__name__):
                error = _instance(kind)
                arrived = _carried(error)
                self.assertEqual(error.public_message, arrived.public_message)
                self.assertNotIn('Traceback', arrived.public_message)

    def test_has_a_status_of_an_error(self) -> None:
        for kind in _domain_errors():
            with self.subTest(kind=kind.__name__):
                self.assertIn(kind.status, range(400, 600))

    def test_error_of_another_module_arrives_as_a_stranger(self) -> None:
        arrived = _carried(cfg.NoSuchOptError('detail'))
        self.assertIsInstance(arrived, oslo_messaging.RemoteError)
