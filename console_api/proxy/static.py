# SPDX-License-Identifier: Apache-2.0
"""The console pages and their files, served from memory.

All files are read at the start, so that a request can only name one of them:
no path leads out of the directory, nothing is listed and nothing redirected.
"""

from collections.abc import Collection
import dataclasses
import enum
import hashlib
import mimetypes
import pathlib
import re

from console_api.proxy import front as front_page
from console_api.proxy import origin
from console_api.proxy import request

#: Where the build of web/ goes.
ROOT = pathlib.Path(__file__).parent / 'static'

_SOCKETS = ('/', '/websockify')
_ASSETS = 'assets'
_ABOUT = 'Consoles are opened here by WebSocket.\n'
_ALLOW = ('Allow', 'GET, HEAD, OPTIONS')
_HOST = re.compile(r'[A-Za-z0-9.-]{1,253}(:[0-9]{1,5})?', re.ASCII)
_MISSING = b"""<!DOCTYPE html>
<html lang="en"><head><title>No console pages</title></head><body>
<h1>The console pages have not been built</h1>
<p>Run tools/standalone, or "npm ci" and "npm run build" in web/, and start
the proxy again.</p>
</body></html>
"""
_COMMON = (
    ('X-Content-Type-Options', 'nosniff'),
    ('Referrer-Policy', 'no-referrer'),
)
_INERT = (
    *_COMMON,
    ('Content-Security-Policy', "default-src 'none'; frame-ancestors 'none'"),
    ('Cache-Control', 'no-store'),
)


class _Page(enum.Enum):
    """The pages, by the names of their files."""

    VNC = 'vnc.html'
    SERIAL = 'serial.html'
    SPICE = 'spice.html'
    FRONT = 'index.html'


_PATHS = {
    '/vnc.html': _Page.VNC,
    '/vnc_auto.html': _Page.VNC,
    '/vnc_lite.html': _Page.VNC,
    '/serial.html': _Page.SERIAL,
    '/spice.html': _Page.SPICE,
    '/spice_auto.html': _Page.SPICE,
}
_FRONT_PATHS = {'/': _Page.FRONT, '/index.html': _Page.FRONT}


@dataclasses.dataclass(frozen=True)
class _Asset:
    body: bytes
    media_type: str
    etag: str


class StaticFiles:
    """The files under a directory, as they are when it is made.

    ``allowed`` are the origins whose pages may show a console in a frame.
    Without ``front`` there is no front page.
    """

    def __init__(
        self,
        root: pathlib.Path,
        allowed: Collection[origin.Origin],
        front: front_page.FrontPage | None = None,
    ) -> None:
        self._pages = {page: _read(root / page.value, root) for page in _Page}
        self._paths = _PATHS if front is None else _PATHS | _FRONT_PATHS
        self._front = front
        self._assets = dict(_load_assets(root))
        self.allow(allowed)

    def allow(self, origins: Collection[origin.Origin]) -> None:
        """Let the pages of these show a console in a frame, and no others."""
        ancestors = sorted(str(entry) for entry in origins)
        self._ancestors = ' '.join(["'self'", *ancestors])

    def respond(self, head: request.Request) -> request.Response:
        """The answer to a request that is not for a WebSocket."""
        if head.method == 'OPTIONS':
            # What balancers ask by default. No other site is let in by it.
            return request.Response(204, (*_INERT, _ALLOW))
        if head.method not in ('GET', 'HEAD'):
            return request.Response(405, (*_INERT, _ALLOW))
        page = self._paths.get(head.path)
        if page is not None:
            return self._page_response(page, head)
        asset = self._assets.get(head.path)
        if asset is not None:
            return _asset_response(asset, head.values('if-none-match'))
        return _without_file(head)

    def _page_response(
        self, page: _Page, head: request.Request
    ) -> request.Response:
        headers = (
            *_COMMON,
            ('Content-Type', 'text/html; charset=utf-8'),
            ('Cache-Control', 'no-store'),
            ('Content-Security-Policy', self._policy(page, head)),
        )
        body = self._pages[page]
        if body is None:
            return request.Response(503, headers, _MISSING)
        return request.Response(200, headers, body)

    def _policy(self, page: _Page, head: request.Request) -> str:
        """The Content-Security-Policy of the page."""
        # xterm.js makes style elements.
        style = " 'unsafe-inline'" if page is _Page.SERIAL else ''
        return (
            "default-src 'none'; script-src 'self'; "
            f"style-src 'self'{style}; img-src 'self' data: blob:; "
            f"connect-src 'self' {self._partners(page, head)}; "
            "base-uri 'none'; form-action 'none'; "
            f'frame-ancestors {self._ancestors}'
        )

    def _partners(self, page: _Page, head: request.Request) -> str:
        """What the page may connect to besides its own pages.

        Not every browser counts WebSockets of the own host as 'self', so the
        host is named where a policy can name it.
        """
        if page is _Page.FRONT and self._front is not None:
            return self._front.api_url
        host = ''.join(head.values('host'))
        if _HOST.fullmatch(host):
            return f'ws://{host} wss://{host}'
        return 'ws: wss:'


def _without_file(head: request.Request) -> request.Response:
    if head.path == '/' and not head.query:
        # Balancers look here. With a query it is a WebSocket that lost its
        # upgrade on the way.
        return words(200, _ABOUT)
    if head.path in _SOCKETS:
        return words(
            426,
            _ABOUT,
            ('Upgrade', 'websocket'),
            ('Connection', 'Upgrade, close'),
        )
    return words(404, 'There is nothing here.\n')


def words(status: int, text: str, *more: request.Header) -> request.Response:
    """An answer in plain text, which nobody keeps."""
    headers = (*_INERT, ('Content-Type', 'text/plain; charset=utf-8'), *more)
    return request.Response(status, headers, text.encode())


def _asset_response(asset: _Asset, wanted: list[str]) -> request.Response:
    headers = (
        *_COMMON,
        ('Cache-Control', 'no-cache'),
        ('ETag', asset.etag),
    )
    tags = [tag.strip() for value in wanted for tag in value.split(',')]
    # RFC 9110, 13.1.2: the comparison is the weak one.
    if '*' in tags or asset.etag in [tag.removeprefix('W/') for tag in tags]:
        return request.Response(304, headers)
    return request.Response(
        200, (*headers, ('Content-Type', asset.media_type)), asset.body
    )


def _load_assets(root: pathlib.Path) -> list[tuple[str, _Asset]]:
    assets = []
    for path in sorted((root / _ASSETS).rglob('*')):
        body = _read(path, root)
        if body is None:
            continue
        digest = hashlib.sha256(body).hexdigest()[:32]
        asset = _Asset(body, _media_type(path.name), f'"{digest}"')
        assets.append(('/' + path.relative_to(root).as_posix(), asset))
    return assets


def _read(path: pathlib.Path, root: pathlib.Path) -> bytes | None:
    """A file's content; None where it is none, or lies outside of ``root``."""
    if not path.resolve().is_relative_to(root.resolve()):
        return None
    return path.read_bytes() if path.is_file() else None


def _media_type(name: str) -> str:
    # The machine's own table may call scripts text/plain, which nosniff
    # refuses to run.
    if name.endswith(('.js', '.mjs')):
        return 'text/javascript; charset=utf-8'
    if name.endswith('.css'):
        return 'text/css; charset=utf-8'
    media_type, _ = mimetypes.guess_type(name, strict=True)
    return media_type or 'application/octet-stream'
