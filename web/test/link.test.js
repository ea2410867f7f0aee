// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import {test} from 'node:test';

import {plainLine, readLink} from '../src/link.js';

const PAGE = 'http://proxy.example:6080/vnc_auto.html';

/** Returns the link of a page opened with these query values. */
function linkOf(query, {page = PAGE, cookie = ''} = {}) {
  return readLink(
    `${page}?${new URLSearchParams(query)}`, cookie, 'websockify');
}

test('the path of the API\'s URL leads to the root of the same host', () => {
  const link = readLink(`${PAGE}?path=%3Ftoken%3Dt0k-en_`, '', 'websockify');
  assert.equal(link.socket?.href, 'ws://proxy.example:6080/?token=t0k-en_');
  assert.equal(link.refused, null);
});

test('a path of the base URL is kept', () => {
  const link = linkOf({path: 'novnc?token=t'});
  assert.equal(link.socket?.href, 'ws://proxy.example:6080/novnc?token=t');
});

test('a path may begin with one slash', () => {
  const link = linkOf({path: '/a/b?token=t'});
  assert.equal(link.socket?.href, 'ws://proxy.example:6080/a/b?token=t');
});

test('a page over TLS connects over TLS', () => {
  const link = linkOf({path: '?token=t'}, {page: 'https://h/vnc.html'});
  assert.equal(link.socket?.href, 'wss://h/?token=t');
});

test('an IPv6 host is kept', () => {
  const link = linkOf({path: '?token=t'}, {page: 'http://[::1]:6080/v.html'});
  assert.equal(link.socket?.href, 'ws://[::1]:6080/?token=t');
});

test('a token in the query of the page goes to the default path', () => {
  const link = linkOf({token: 'a&b'});
  assert.equal(
    link.socket?.href, 'ws://proxy.example:6080/websockify?token=a%26b');
});

test('another kind of page sends a bare token elsewhere', () => {
  const link = readLink('http://h/serial.html?token=t', '', '');
  assert.equal(link.socket?.href, 'ws://h/?token=t');
});

test('the link says that a console is view-only, and goes on saying it', () => {
  const link = linkOf({path: '?token=t', view_only: 'true'});
  assert.equal(link.isViewOnly, true);
  assert.equal(link.cleanHref, `${PAGE}?view_only=true`);
  assert.equal(linkOf({token: 't'}).isViewOnly, false);
});

test('the language is read as it is', () => {
  assert.equal(linkOf({token: 't', language: 'de-AT'}).language, 'de-AT');
});

test('the token of the path wins over that of the page', () => {
  const link = linkOf({path: '?token=path', token: 'page'});
  assert.equal(link.socket?.searchParams.get('token'), 'path');
});

test('a token cookie needs no token in the address', () => {
  const link = linkOf({}, {cookie: 'a=b; token=t'});
  assert.equal(link.socket?.href, 'ws://proxy.example:6080/websockify');
});

for (const cookie of ['', 'token=', 'mytoken=t', 'a=token=t']) {
  test(`no token, and the cookie "${cookie}", is refused`, () => {
    const link = linkOf({path: 'websockify'}, {cookie});
    assert.equal(link.refused, 'token');
    assert.equal(link.socket, null);
  });
}

test('an empty token is refused', () => {
  assert.equal(linkOf({path: '?token='}).refused, 'token');
});

const BELOW = [
  ['?token=t', 'ws://h/edge/?token=t'],
  ['websockify?token=t', 'ws://h/edge/websockify?token=t'],
  ['/websockify?token=t', 'ws://h/websockify?token=t'],
];
for (const [path, socket] of BELOW) {
  test(`the path ${path} of a page below a prefix is ${socket}`, () => {
    const query = new URLSearchParams({path});
    const link = readLink(`http://h/edge/vnc.html?${query}`, '', '');
    assert.equal(link.socket?.href, socket);
  });
}

test('a page at an address like a host connects to its own', () => {
  const link = readLink('http://h//evil/vnc.html?path=%3Ftoken%3Dt', '', '');
  assert.equal(link.socket?.host, 'h');
});

const FOREIGN = [
  '//evil/?token=t',
  '///evil/?token=t',
  '\\\\evil/?token=t',
  '/\\evil/?token=t',
  '\\/evil/?token=t',
  '/\t/evil/?token=t',
  '\t//evil/?token=t',
  '/\n/evil/?token=t',
  '\u0000//evil/?token=t',
  'https://evil/?token=t',
  'wss://evil/?token=t',
  'HTTPS:evil?token=t',
  'javascript:alert(1)?token=t',
];
for (const path of FOREIGN) {
  test(`the path ${JSON.stringify(path)} is refused`, () => {
    const link = linkOf({path});
    assert.equal(link.refused, 'path');
    assert.equal(link.socket, null);
  });
}

const OWN = [
  '@evil/?token=t',
  'evil:80/..//evil/?token=t',
  '..//evil/?token=t',
  '/..//evil/?token=t',
  '%2f%2fevil/?token=t',
  '/%5cevil/?token=t',
  ':@evil?token=t',
  ' //evil/?token=t',
  '?token=t&path=//evil',
];
for (const path of OWN) {
  test(`the path ${JSON.stringify(path)} never leaves the host`, () => {
    const link = linkOf({path});
    const host = link.socket?.host ?? 'proxy.example:6080';
    assert.equal(host, 'proxy.example:6080');
  });
}

test('a fragment in the path is dropped', () => {
  const link = linkOf({path: '?token=t#x'});
  assert.equal(link.socket?.href, 'ws://proxy.example:6080/?token=t');
});

for (const path of ['?token=t', 'evil/?token=t']) {
  test(`a page that has no host is refused the path ${path}`, () => {
    const query = new URLSearchParams({path});
    const link = readLink(`file:///vnc.html?${query}`, '', 'websockify');
    assert.equal(link.refused, 'path');
  });
}

test('path, token and whatever else is not known leave the address', () => {
  const link = readLink(
    `${PAGE}?path=%3Ftoken%3Ds3cret&title=web-1(42)&token=s3cret`
    + '&language=de&password=s3cret&title=s3cret#s3cret', '',
    'websockify');
  assert.equal(link.cleanHref, `${PAGE}?title=web-1%2842%29&language=de`);
});

test('a refused link leaves no token in the address either', () => {
  const link = linkOf({path: '//evil/?token=s3cret'});
  assert.equal(link.cleanHref, PAGE);
});

test('an address with two leading slashes stays on its host', () => {
  const link = readLink('http://h//evil/vnc.html?path=%3Ftoken%3Dt', '', '');
  assert.equal(link.cleanHref, 'http://h//evil/vnc.html');
});

test('the title is kept as it is', () => {
  const title = '<b>web</b> & "1"';
  assert.equal(linkOf({path: '?token=t', title}).title, title);
});

test('a page without a title has an empty one', () => {
  assert.equal(linkOf({path: '?token=t'}).title, '');
});

test('control and direction characters leave a line of text', () => {
  assert.equal(plainLine(' a\nb\u0000\u202ec\u2066d\u0007 '), 'abcd');
});

test('a line of text is bounded without cutting a character', () => {
  assert.equal(plainLine('\u{1f600}'.repeat(500)), '\u{1f600}'.repeat(200));
});
