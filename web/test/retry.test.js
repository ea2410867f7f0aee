// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import {test} from 'node:test';

import {Retry} from '../src/retry.js';

/** Returns the end of a session that the proxy has closed. */
function closedWith(code, opened = true) {
  return {code, opened, cause: null};
}

/** Returns delays after ends with these codes, one after the other. */
function delaysAfter(...codes) {
  const retry = new Retry(() => 0.5);
  return codes.map((code) => retry.delayAfter(closedWith(code)));
}

for (const code of [1001, 1006, 4005]) {
  test(`after ${code} the page connects again by itself`, () => {
    assert.deepEqual(delaysAfter(code), [750]);
  });
}

for (const code of [1000, 1011, 4001, 4002, 4003, 4004, 4006, 4007, 4008,
  4009, 4010, 4999]) {
  test(`after ${code} it does not`, () => {
    assert.deepEqual(delaysAfter(code), [null]);
  });
}

test('a refused connection is not tried again by itself', () => {
  const retry = new Retry(() => 0.5);
  assert.equal(retry.delayAfter(closedWith(1006, false)), null);
});

test('what the page itself has ended is not tried again', () => {
  const retry = new Retry(() => 0.5);
  const end = {code: 4005, opened: true, cause: 'user'};
  assert.equal(retry.delayAfter(end), null);
});

test('each try waits longer, up to a bound', () => {
  assert.deepEqual(delaysAfter(4005, 4003, 4003, 4002, 4003, 4003, 4003),
    [750, 1500, 3000, 6000, 11250, 11250, 11250]);
});

test('a proxy that does not answer while it restarts is waited for', () => {
  const retry = new Retry(() => 0.5);
  retry.delayAfter(closedWith(1001));
  assert.equal(retry.delayAfter(closedWith(1006, false)), 1500);
});

test('a token that is gone ends the waiting', () => {
  assert.deepEqual(delaysAfter(4005, 4001, 4005), [750, null, 750]);
});

test('pages come back at different times', () => {
  const early = new Retry(() => 0).delayAfter(closedWith(1001));
  const late = new Retry(() => 0.999).delayAfter(closedWith(1001));
  assert.ok(late > early * 1.9);
});

test('after too many at once the page connects again by itself', () => {
  assert.deepEqual(delaysAfter(4012, 4012, 4012, 4012),
    [2000, 4000, 7500, 7500]);
});

test('those who were too many come back over all of the time', () => {
  const delays = [0, 0.25, 0.5, 0.999].map(
    (random) => new Retry(() => random).delayAfter(closedWith(4012)));
  assert.deepEqual(delays, [500, 1000, 2000, 3996]);
});

test('a session that worked makes the next end a first one', () => {
  const retry = new Retry(() => 0.5);
  retry.delayAfter(closedWith(4005));
  retry.reset();
  assert.equal(retry.isWaiting, false);
  assert.equal(retry.delayAfter(closedWith(4005)), 750);
});

test('the waiting has an end', () => {
  const retry = new Retry(() => 0.5);
  let tries = 0;
  while (retry.delayAfter(closedWith(4005)) !== null) {
    tries += 1;
    assert.ok(tries < 1000);
  }
  assert.ok(tries > 50);
});
