// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import {test} from 'node:test';

import {readNotice} from '../src/notices.js';
import {en} from '../src/words/en.js';

test('a binary message belongs to the console', () => {
  assert.equal(readNotice(new ArrayBuffer(3)), null);
  assert.equal(readNotice(new Blob(['{}'])), null);
});

test('the proxy says when it ends the session', () => {
  const text = '{"notice": "draining", "seconds": 600}';
  assert.deepEqual(readNotice(text), {draining: 600});
});

for (const text of ['', 'null', '[]', '{}', '{"notice": "other"}',
  '{"notice": "draining"}', '{"notice": "draining", "seconds": -1}',
  '{"notice": "draining", "seconds": "9"}', 'no JSON']) {
  test(`the text ${text} says nothing, and is none of the console's`, () => {
    assert.deepEqual(readNotice(text), {draining: null});
  });
}

test('the time is in seconds as long as it is short', () => {
  assert.match(en.draining(59.2), /In 60 s at the latest/);
  assert.match(en.draining(600), /In 10 min at the latest/);
});
