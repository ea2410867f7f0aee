// SPDX-License-Identifier: Apache-2.0

/**
 * Types a text for the user, no faster than a server can take it.
 */

/** Above this many bytes, the user is warned first. */
export const LONG_TEXT = 4096;

/** Pieces of text that are sent down a line in one second. */
export const PIECES = 50;

/**
 * Key events that are sent in one second. QEMU hands about 100 a second to a
 * guest, and drops what its short queue does not hold.
 */
export const KEY_EVENTS = 80;

/**
 * @param {string} text
 * @returns {number} its size in bytes of UTF-8
 */
export function sizeOf(text) {
  return new TextEncoder().encode(text).length;
}

/**
 * @template T
 * @typedef {object} Job
 * @property {T[]} pieces
 * @property {(piece: T) => void} send
 * @property {number} rate pieces in one second
 * @property {(done: number) => void} progress called after each piece
 * @property {() => boolean} mayGoOn asked before each piece
 */

/**
 * Sends one piece after the other, no faster than its rate.
 *
 * @template T
 * @param {Job<T>} job
 * @param {(milliseconds: number) => Promise<void>} sleep
 * @returns {Promise<number>} how many were sent
 */
export async function typeSlowly(job, sleep) {
  let done = 0;
  for (const piece of job.pieces) {
    if (!job.mayGoOn()) {
      break;
    }
    job.send(piece);
    done += 1;
    job.progress(done);
    await sleep(1000 / job.rate);
  }
  return done;
}
