// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import {test} from 'node:test';

import {addressOf, ApiError, FrontApi} from '../src/frontapi.js';
import {en} from '../src/words/en.js';

const API = 'http://127.0.0.1:8774';
const LIST = `${API}/v2.1/servers/detail`;

/** Returns an API that gives these answers, and what it was asked. */
function apiWith(answers) {
  const asked = [];
  const fetch = async (url, init) => {
    asked.push({url, ...init});
    const answer = answers[url];
    if (answer === undefined) {
      throw new TypeError('Failed to fetch');
    }
    const [status, body] = answer;
    return new Response(
      typeof body === 'string' ? body : JSON.stringify(body), {status});
  };
  return {api: new FrontApi(fetch, en.front), asked};
}

const FRONT = [200, {api_url: `${API}/`, consoles: {a: ['novnc', 'webmks']}}];
const SERVER = {id: 'a', name: 'web', status: 'ACTIVE'};

test('a server has the consoles that the page can open', async () => {
  const {api, asked} = apiWith({
    'front.json': FRONT,
    [LIST]: [200, {servers: [SERVER, {...SERVER, id: 'constructor'}]}],
  });
  const [first, second] = await api.servers();
  assert.deepEqual(first, {...SERVER, consoles: ['novnc']});
  assert.deepEqual(second.consoles, []);
  assert.equal(asked[1].headers['OpenStack-API-Version'], 'compute 2.99');
});

test('the list goes on where the API says', async () => {
  const {api} = apiWith({
    'front.json': FRONT,
    [LIST]: [200, {servers: [SERVER], servers_links: [
      {rel: 'next', href: 'http://evil/v2.1/servers/detail?marker=a'}]}],
    [`${LIST}?marker=a`]: [200, {servers: [{...SERVER, id: 'b'}]}],
  });
  const ids = (await api.servers()).map(({id}) => id);
  assert.deepEqual(ids, ['a', 'b']);
});

test('a console is asked for by protocol and type', async () => {
  const url = `${API}/v2.1/servers/a%2Fb/remote-consoles`;
  const {api, asked} = apiWith({
    'front.json': FRONT,
    [url]: [200, {remote_console: {url: 'http://h/spice_auto.html?token=t'}}],
  });
  assert.equal(await api.console('a/b', 'spice-html5'),
    'http://h/spice_auto.html?token=t');
  assert.deepEqual(JSON.parse(asked[1].body),
    {remote_console: {protocol: 'spice', type: 'spice-html5'}});
});

test('the log is that of the last lines', async () => {
  const url = `${API}/v2.1/servers/a/action`;
  const {api, asked} = apiWith({
    'front.json': FRONT, [url]: [200, {output: 'boot'}]});
  assert.equal(await api.log('a'), 'boot');
  assert.deepEqual(JSON.parse(asked[1].body),
    {'os-getConsoleOutput': {length: 200}});
});

const FAILURES = [
  ['the words of the API are shown',
    [409, {conflictingRequest: {code: 409, message: 'It is off.'}}],
    'It is off.', false],
  ['a status without words is named', [502, '<html>'], /502/, false],
  ['an answer that is no JSON is told', [200, '<html>'], /cannot read/, false],
  ['an answer of another shape is told', [200, {}], /cannot read/, false],
  ['an API that is gone is told', undefined, /does not answer/, true],
];
for (const [name, answer, message, isGone] of FAILURES) {
  test(name, async () => {
    const answers = {'front.json': FRONT};
    if (answer !== undefined) {
      answers[LIST] = answer;
    }
    const {api} = apiWith(answers);
    await assert.rejects(api.servers(), (error) => {
      assert.ok(error instanceof ApiError);
      assert.match(error.message, new RegExp(message));
      assert.equal(error.isGone, isGone);
      return true;
    });
  });
}

test('an API address that is no web address is refused', async () => {
  const {api} = apiWith(
    {'front.json': [200, {api_url: 'javascript:alert(1)'}]});
  await assert.rejects(api.servers(), ApiError);
});

const ADDRESSES = [
  ['http://h:6080/vnc_auto.html?path=%3Ftoken%3Dt',
    'http://h:6080/vnc_auto.html?path=%3Ftoken%3Dt&title=a%26b'],
  ['https://h/page', 'https://h/page?title=a%26b'],
  ['ws://h:6083/?token=t%2B', 'serial.html?token=t%2B&title=a%26b'],
  ['wss://h/?token=t', 'serial.html?token=t&title=a%26b'],
  ['ws://h/', null],
  ['javascript:alert(1)', null],
  ['data:text/html,x', null],
  ['not a URL', null],
];
for (const [url, address] of ADDRESSES) {
  test(`the console ${url} is opened at ${address}`, () => {
    assert.equal(addressOf(url, 'a&b'), address);
  });
}
