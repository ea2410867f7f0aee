# SPDX-License-Identifier: Apache-2.0
"""The same subjects with TLS to their clients.

The load knows no TLS: HAProxy in front of it is the client. Its memory and
processor time are not counted.
"""

from collections.abc import Callable
from collections.abc import Iterator
import contextlib
import dataclasses
import pathlib
import subprocess

from benchmarks.proxy import subjects

_CLIENT = """
global
    maxconn {sessions}
    nbthread 1
defaults
    mode tcp
    timeout connect 10s
    timeout client 1h
    timeout server 1h
listen client
    bind 127.0.0.1:{port}
    server subject 127.0.0.1:{subject} ssl verify none
"""

Start = Callable[
    [subjects.Place],
    contextlib.AbstractContextManager[subjects.Subject | None],
]


@contextlib.contextmanager
def secured(
    start: Start, place: subjects.Place
) -> Iterator[subjects.Subject | None]:
    """A subject with TLS; its port is that of the client in front of it.

    None where HAProxy, which is that client, is not installed.
    """
    program = subjects.find_haproxy()
    if program is None:
        yield None
        return
    port = subjects.free_port()
    place = dataclasses.replace(
        place,
        certificate=certificate(place.folder),
        origin=f'http://127.0.0.1:{port}',
    )
    path = place.folder / 'client.cfg'
    with start(place) as subject:
        assert subject is not None
        path.write_text(
            _CLIENT.format(
                port=port, subject=subject.port, sessions=subjects.most()
            )
        )
        with subjects.running([program, '-db', '-f', str(path)]):
            subjects.wait_for(port)
            yield dataclasses.replace(subject, port=port)


def certificate(folder: pathlib.Path) -> pathlib.Path:
    """A certificate with its key in one file, made by openssl."""
    path = folder / 'both.pem'
    if not path.exists():
        alone = folder / 'cert.pem'
        command = ['openssl', 'req', '-x509', '-newkey', 'ec', '-pkeyopt']
        command += ['ec_paramgen_curve:prime256v1', '-nodes', '-days', '2']
        command += ['-subj', '/CN=localhost', '-keyout', str(path)]
        command += ['-out', str(alone)]
        subprocess.run(command, check=True, capture_output=True)
        path.write_text(path.read_text() + alone.read_text())
    return path
