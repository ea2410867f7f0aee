// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import {test} from 'node:test';

import {reasonOf, waitReasonOf} from '../src/reasons.js';
import {en} from '../src/words/en.js';

const {ends} = en;

/** Returns the reason for a close by the proxy. */
function closedWith(code, opened = true) {
  return reasonOf({code, opened, cause: null}, en);
}

// Every code that the proxy sends, with the word that tells it from the rest
// and whether the same token may work again.
const CODES = [
  [1000, /ended normally/, true],
  [1001, /proxy is going down/, true],
  [1002, /did not understand/, true],
  [1009, /too big/, true],
  [1011, /internal error/, true],
  [4001, /expired, was revoked/, false],
  [4002, /compute host did not answer/, true],
  [4003, /could not be reached/, true],
  [4004, /security/, false],
  [4005, /server closed/, true],
  [4006, /idle/, true],
  [4007, /time of this session is over/, false],
  [4008, /in use/, true],
  [4009, /took over/, true],
  [4010, /too long/, true],
  [4012, /Too many/, true],
  [4013, /your network/, true],
  [4014, /of this server/, true],
];
for (const [code, words, retry] of CODES) {
  test(`close code ${code} is told in its own words`, () => {
    const {headline, detail} = closedWith(code);
    assert.match(`${headline}. ${detail}`, words);
  });

  test(`close code ${code} ${retry ? 'offers' : 'offers no'} retry`, () => {
    assert.equal(closedWith(code).retry, retry);
  });
}

test('no two close codes share their words', () => {
  const words = Object.values(ends).map((end) => end.headline + end.detail);
  assert.equal(new Set(words).size, words.length);
});

test('every end says what to do or what happened in a sentence', () => {
  for (const code of Object.keys(ends)) {
    assert.match(closedWith(Number(code)).detail, /^[A-Z].*\.$/);
  }
});

test('a close code without words of its own is named', () => {
  const {detail, retry} = closedWith(4999);
  assert.match(detail, /4999/);
  assert.equal(retry, true);
});

test('a connection that never opened is told from one that broke', () => {
  assert.match(closedWith(1006, false).headline, /could not be reached/);
  assert.match(closedWith(1006, true).headline, /was lost/);
});

test('what the page itself gave up on has words', () => {
  const causes = [
    ['unreadable', /cannot read/, true],
    ['password', /password/, false],
    ['load', /could not be loaded/, true],
    ['user', /You ended/, true],
    ['stopped', /no longer tries/, true],
  ];
  for (const [cause, words, retry] of causes) {
    const reason = reasonOf({code: null, opened: true, cause}, en);
    assert.match(`${reason.headline}. ${reason.detail}`, words);
    assert.equal(reason.retry, retry);
  }
});

for (const code of [1001, 1006, 4002, 4003, 4005, 4012]) {
  test(`while it waits after ${code} the page says what for`, () => {
    const end = {code, opened: true, cause: null};
    assert.match(waitReasonOf(end, en).detail, /connects again/);
  });
}
