// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import {test} from 'node:test';

import {fileName} from '../src/filename.js';
import {sizeOf, typeSlowly} from '../src/typist.js';

/** Types these pieces; returns what was sent and how long it took. */
async function type(pieces, mayGoOn = () => true) {
  const sent = [];
  const seen = [];
  let time = 0;
  const done = await typeSlowly({
    pieces,
    send: (sending) => sent.push(sending),
    progress: (count) => seen.push(count),
    mayGoOn: () => mayGoOn(sent),
    rate: 80,
  }, async (milliseconds) => {
    time += milliseconds;
  });
  return {sent, seen, time, done};
}

test('pieces are sent in order and counted', async () => {
  const {sent, seen, done} = await type(['a', 'b', 'c']);
  assert.deepEqual(sent, ['a', 'b', 'c']);
  assert.deepEqual(seen, [1, 2, 3]);
  assert.equal(done, 3);
});

test('no more than the rate is sent in a second', async () => {
  const {time} = await type(Array(80).fill('a'));
  assert.equal(time, 1000);
});

test('typing can be stopped', async () => {
  const {done} = await type(['a', 'b', 'c'], (sent) => sent.length < 2);
  assert.equal(done, 2);
});

test('the size of a text is that of its bytes', () => {
  assert.equal(sizeOf('a\u00e4\u20ac'), 6);
});

const TIME = new Date('2026-01-02T03:04:05.678Z');
const NAMES = [
  ['web-1', 'web-1-2026-01-02T03-04-05.png'],
  ['', 'console-2026-01-02T03-04-05.png'],
  ['../../etc/passwd', 'etc-passwd-2026-01-02T03-04-05.png'],
  ['.bashrc', 'bashrc-2026-01-02T03-04-05.png'],
  ['a<b>:"c"|?*\u0000', 'a-b-c-2026-01-02T03-04-05.png'],
];
for (const [title, name] of NAMES) {
  test(`a file of ${JSON.stringify(title)} is called ${name}`, () => {
    assert.equal(fileName(title, TIME, 'png'), name);
  });
}
