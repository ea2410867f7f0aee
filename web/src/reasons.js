// SPDX-License-Identifier: Apache-2.0

/**
 * From the way a session ended to words and to whether a retry can help.
 */

/** @typedef {import('./words.js').Words} Words */
/** @typedef {import('./words/en.js').Notice} Notice */

/**
 * Why the page itself ended a session.
 *
 * @typedef {'unreadable' | 'password' | 'load' | 'user' | 'stopped'} Cause
 */

/**
 * @typedef {object} End
 * @property {number | null} code the close code, null when the page ended it
 * @property {boolean} opened whether the proxy had taken the connection
 * @property {Cause | null} cause why the page ended it, null when it did not
 */

/**
 * @typedef {object} Reason
 * @property {string} headline
 * @property {string} detail
 * @property {boolean} retry whether the same token may work again
 */

// The token is gone (4001, 4007), or only an administrator can help.
const FINAL_CODES = new Set([4001, 4004, 4007]);
const FINAL_CAUSES = new Set(['password']);

/**
 * @param {number} code
 * @param {boolean} opened
 * @param {Words} words
 */
function wordsOf(code, opened, words) {
  if (code === 1006 && !opened) {
    return words.unreachable;
  }
  return Object.hasOwn(words.ends, code)
    ? words.ends[code] : words.unknownEnd(code);
}

/**
 * Says in words why a session ended.
 *
 * @param {End} end
 * @param {Words} words
 * @returns {Reason}
 */
export function reasonOf(end, words) {
  if (end.cause !== null || end.code === null) {
    const cause = end.cause ?? 'unreadable';
    return {...words.failures[cause], retry: !FINAL_CAUSES.has(cause)};
  }
  const found = wordsOf(end.code, end.opened, words);
  return {...found, retry: !FINAL_CODES.has(end.code)};
}

/**
 * Says in words what the page waits for before it connects again.
 *
 * @param {End} end
 * @param {Words} words
 * @returns {Notice}
 */
export function waitReasonOf(end, words) {
  const code = end.code ?? 1006;
  return Object.hasOwn(words.waits, code)
    ? words.waits[code] : words.waits[1006];
}
