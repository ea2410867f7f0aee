# SPDX-License-Identifier: Apache-2.0
"""Notifications of sessions, over a real bus and without one."""

import contextlib
import dataclasses
import threading
import unittest

import oslo_messaging

from console_api.cmd import announcing
from console_api.proxy import notifications
from console_api.proxy import post as posts
from tests import base
from tests.fixtures import bus
from tests.functional.proxy import harness

_PROBLEM = bus.problem()


class Audit:
    """An endpoint that keeps what it hears."""

    def __init__(self) -> None:
        self.heard: list[tuple[str, str, dict[str, object]]] = []

    def info(
        self,
        context: object,
        publisher: str,
        event: str,
        payload: dict[str, object],
        metadata: object,
    ) -> None:
        self.heard.append((publisher, event, payload))


@unittest.skipIf(_PROBLEM is not None, _PROBLEM)
class BusTest(harness.ProxyTestCase):
    async def asyncSetUp(self) -> None:
        self.bus = self.useFixture(bus.RabbitMQ())
        await super().asyncSetUp()
        self.opened = contextlib.ExitStack()
        # Registers the options that are set here.
        oslo_messaging.get_notification_transport(
            self.conf, url='fake://'
        ).cleanup()
        self.set(
            'oslo_messaging_notifications',
            driver=['messagingv2'],
            transport_url=self.bus.url,
        )
        self.conf.set_override('host', 'edge-1')

    async def asyncTearDown(self) -> None:
        await self.nothing_left()
        await self.stop_proxy()
        self.opened.close()
        await super().asyncTearDown()

    def listen(self) -> Audit:
        transport = oslo_messaging.get_notification_transport(self.conf)
        self.opened.callback(transport.cleanup)
        audit = Audit()
        listener = oslo_messaging.get_notification_listener(
            transport,
            [oslo_messaging.Target(topic='versioned_notifications')],
            [audit],
            executor='threading',
        )
        listener.start()
        self.opened.callback(listener.wait)
        self.opened.callback(listener.stop)
        return audit

    async def test_start_and_end_of_a_session_are_heard(self) -> None:
        audit = self.listen()
        announcer = announcing.make(self.conf, self.opened)
        self.post = dataclasses.replace(posts.ALONE, announcer=announcer)
        await self.with_backend()
        async with self.connect() as ws:
            await harness.rfb_open(ws)
        await self.refusal(token='bad')
        await self.until(lambda: len(audit.heard) >= 2, 'both are heard')
        (by, first, start), (_, second, end) = audit.heard
        self.assertEqual('console-proxy:edge-1', by)
        self.assertEqual(
            ('console.session.start', 'console.session.end'), (first, second)
        )
        begun, over = start['nova_object.data'], end['nova_object.data']
        self.assertEqual(begun['session'], over['session'])
        self.assertEqual('the-user', begun['user'])
        self.assertIs(False, begun['view_only'])
        self.assertEqual('the-server', over['server'])
        self.assertEqual('normal', over['reason'])
        self.assertEqual('console_api', start['nova_object.namespace'])
        self.assertEqual('ConsoleSessionEndPayload', end['nova_object.name'])
        self.assertNotIn(harness.TOKEN, repr(audit.heard))
        await self.until(
            lambda: announcer.counts == {'sent': 2}, 'both are counted'
        )

    async def test_without_a_driver_there_are_none(self) -> None:
        self.set('oslo_messaging_notifications', driver=[])
        self.assertIsNone(announcing.make(self.conf, self.opened))

    async def test_without_a_bus_there_are_none(self) -> None:
        self.set('oslo_messaging_notifications', transport_url=None)
        self.assertIsNone(announcing.make(self.conf, self.opened))


class AnnouncerTest(base.TestCase):
    def test_bus_that_is_away_holds_nobody_up(self) -> None:
        away, begun = threading.Event(), threading.Event()
        sent: list[str] = []

        def send(event: str, payload: object) -> None:
            begun.set()
            away.wait()
            sent.append(event)

        announcer = notifications.Announcer(send, most=2)
        announcer.announce('first', {})
        begun.wait()
        for event in ('second', 'third', 'fourth', 'fifth'):
            announcer.announce(event, {})
        self.assertEqual({'dropped': 2}, announcer.counts)
        away.set()
        announcer.close(harness.DEADLINE)
        self.assertEqual(['first', 'second', 'third'], sent)

    def test_error_ends_no_other_notification(self) -> None:
        def send(event: str, payload: object) -> None:
            if event == 'first':
                raise RuntimeError

        announcer = notifications.Announcer(send)
        announcer.announce('first', {})
        announcer.announce('second', {})
        announcer.close(harness.DEADLINE)
        self.assertEqual({'failed': 1, 'sent': 1}, announcer.counts)
