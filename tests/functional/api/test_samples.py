# SPDX-License-Identifier: Apache-2.0
"""The sample files of the API reference are what the service answers.

With ``CONSOLE_API_WRITE_SAMPLES`` set in the environment, each answer that
differs is written to its file, and the test passes.
"""

import dataclasses
import json
import os
import pathlib
import re
from typing import Any
from urllib import parse

from tests import base
from tests.fixtures import driver
from tests.fixtures import service
from tests.fixtures import source

VARIABLE = 'CONSOLE_API_WRITE_SAMPLES'
FOLDER = source.ROOT / 'doc' / 'api_samples'
INVENTORY = pathlib.Path(service.__file__).parent / 'samples.yaml'

SERVER = 'b48316c5-71e8-45e4-9884-6c78055b9b13'
PROJECT = '6f70656e737461636b20342065766572'
MEMBER = f'fake:{PROJECT}:member'
PROXY = f'proxy:{PROJECT}:service'

#: What differs from one answer to the next -> what stands in the samples.
VOLATILE = (
    (
        re.compile(r'(token(?:=|%3D))[0-9a-f]{64}(?=")', re.ASCII),
        r'\g<1>6f1c2e0b9a47d35886e0f4c1b7d2a95340c8e6f17b3d5a29e0146c8fb2d79035',
    ),
    (
        re.compile(
            r'("(?:created|updated)": )"20[2-9]\d-\d\d-\d\dT[\d:]{8}Z"'
        ),
        r'\1"2026-01-05T09:30:00Z"',
    ),
)

_CONSOLES = f'/v2.1/servers/{SERVER}/remote-consoles'
_ACTION = f'/v2.1/servers/{SERVER}/action'


@dataclasses.dataclass(frozen=True)
class Sample:
    """One request, with the names of its files.

    With a ``console``, the path is that of the token of such a console.
    """

    folder: str
    answer: str
    path: str
    request: str | None = None
    status: int = 200
    console: tuple[str, str] | None = None
    token: str = MEMBER

    @property
    def version(self) -> str:
        """The microversion that the folder names."""
        return self.folder.rsplit('/v', 1)[1]


def _create(kind: str, version: str) -> Sample:
    stem = f'create-{kind}-console'
    return Sample(
        f'os-remote-consoles/v{version}',
        f'{stem}-resp',
        _CONSOLES,
        f'{stem}-req',
    )


def _legacy(kind: str, status: int = 200) -> Sample:
    stem = f'get-{kind}-console-post'
    return Sample(
        'os-remote-consoles/v2.1',
        f'{stem}-resp',
        _ACTION,
        f'{stem}-req',
        status,
    )


SAMPLES = (
    Sample('versions/v2.1', 'versions-get-resp', '/'),
    Sample('versions/v2.1', 'v21-version-get-resp', '/v2.1/'),
    Sample('servers/v2.1', 'servers-list-resp', '/v2.1/servers?limit=1'),
    Sample('servers/v2.1', 'servers-details-resp', '/v2.1/servers/detail'),
    Sample('servers/v2.1', 'server-get-resp', f'/v2.1/servers/{SERVER}'),
    _create('vnc', '2.6'),
    _create('spice', '2.6'),
    _create('serial', '2.6'),
    _create('mks', '2.8'),
    _create('spice-direct', '2.99'),
    _legacy('vnc'),
    _legacy('spice'),
    _legacy('serial'),
    _legacy('rdp', 400),
    Sample(
        'os-console-output/v2.1',
        'console-output-post-resp',
        _ACTION,
        'console-output-post-req',
    ),
    *(
        Sample(
            f'os-console-auth-tokens/v{version}',
            'get-console-connect-info-get-resp',
            '/v2.1/os-console-auth-tokens/',
            console=console,
            token=PROXY,
        )
        for version, console in (
            ('2.31', ('vnc', 'novnc')),
            ('2.99', ('spice', 'spice-direct')),
        )
    ),
)


def text_of(answer: Any) -> str:
    """An answer as its sample shows it."""
    text = json.dumps(answer, indent=4) + '\n'
    for pattern, sample in VOLATILE:
        text = pattern.sub(sample, text)
    return text


class SamplesTest(base.TestCase):
    maxDiff = None

    def setUp(self) -> None:
        super().setUp()
        self.service = self.useFixture(
            service.Service(
                driver.EveryConsole,
                api={'compute_link_prefix': 'http://127.0.0.1:8774'},
                fake={'inventory': str(INVENTORY)},
                mks={
                    'enabled': True,
                    'mksproxy_base_url': 'http://127.0.0.1:6080/mks.html',
                },
            )
        )

    def send(self, sample: Sample) -> Any:
        """What the service answers to the request of a sample."""
        path, body = sample.path, None
        if sample.console is not None:
            path += self.console_token(*sample.console)
        if sample.request is not None:
            file = FOLDER / sample.folder / f'{sample.request}.json'
            body = json.loads(file.read_text(encoding='utf-8'))
        answer = self.service.call(
            'GET' if body is None else 'POST',
            path,
            body,
            token=sample.token,
            version=sample.version,
        )
        self.assertEqual(sample.status, answer.status_int, answer.text)
        return answer.json

    def console_token(self, protocol: str, kind: str) -> str:
        """The token of a new console."""
        answer = self.service.call(
            'POST',
            _CONSOLES,
            {'remote_console': {'protocol': protocol, 'type': kind}},
            token=MEMBER,
            version='2.99',
        )
        url = parse.unquote(answer.json['remote_console']['url'])
        return url.rpartition('token=')[2]

    def test_each_answer_is_as_in_its_sample(self) -> None:
        different = []
        for sample in SAMPLES:
            file = FOLDER / sample.folder / f'{sample.answer}.json'
            text = text_of(self.send(sample))
            if os.environ.get(VARIABLE):
                file.write_text(text, encoding='utf-8')
            elif text != file.read_text(encoding='utf-8'):
                different.append(f'{file}:\n{text}')
        self.assertEqual('', '\n'.join(different))

    def test_no_file_is_left_over(self) -> None:
        named = {
            FOLDER / sample.folder / f'{name}.json'
            for sample in SAMPLES
            for name in (sample.request, sample.answer)
            if name is not None
        }
        self.assertEqual(named, set(FOLDER.rglob('*.json')))
