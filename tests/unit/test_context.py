# SPDX-License-Identifier: Apache-2.0
"""What of a caller crosses the message bus, and what is believed of it."""

import logging

from oslo_config import cfg
from oslo_context import context as oslo_context
from oslo_log import formatters
from oslo_log import log

from console_api import context
from tests import base

_FIELDS = ('request_id', 'global_request_id', 'user_id', 'project_id')
_HOSTILE = (
    'req-1\n2026-11-30 00:00:00.000 1 INFO console.session.start token',
    'req-1\r',
    'req-1\x1b[2J',
    'req-1\u2028',
    'x' * 256,
    7,
    ['req-1'],
    {'a': 'b'},
)


class ContextTest(base.TestCase):
    def test_fields_arrive_as_they_were(self) -> None:
        sent = context.RequestContext(
            user_id='jürgen', project_id='p' * 32, overwrite=False
        )
        got = context.RequestContext.from_rpc(sent.for_rpc())
        for name in _FIELDS:
            self.assertEqual(getattr(sent, name), getattr(got, name), name)

    def test_what_would_steer_a_log_is_left_out(self) -> None:
        for value in _HOSTILE:
            for name in _FIELDS:
                got = context.RequestContext.from_rpc({name: value})
                self.assertNotEqual(value, getattr(got, name))

    def test_caller_begins_no_line_of_the_log(self) -> None:
        conf = cfg.ConfigOpts()
        log.register_options(conf)
        conf([])
        formatter = formatters.ContextFormatter(config=conf)
        self.addCleanup(setattr, oslo_context._request_store, 'context', None)
        for name in _FIELDS:
            got = context.RequestContext.from_rpc({name: _HOSTILE[0]})
            got.update_store()
            record = logging.LogRecord('x', 20, 'f', 1, 'a line', (), None)
            self.assertNotIn('\n', formatter.format(record), name)
