// SPDX-License-Identifier: Apache-2.0

/**
 * When a page connects again by itself, and how long it waits before. No
 * clock in here.
 */

/** @typedef {import('./reasons.js').End} End */

const LOST = 1006;
const BUSY = 4012;

// What goes by of itself: the proxy goes down, the guest restarts, the
// network breaks for a moment, too many connect at once.
const STARTS = new Set([1001, LOST, 4005, BUSY]);
// While one waits for that, the way back may fail at any place.
const CONTINUES = new Set([...STARTS, 4002, 4003, 4010]);

const FIRST = 1000;
const LONGEST = 15000;
// Those who were too many come back over such a time, not at its end.
const FIRST_SPREAD = 4000;
// Longer than a token lives by default. A token that is gone ends it sooner.
const PATIENCE = 15 * 60000;

/** Decides about each end of a session of one page. */
export class Retry {
  #random;
  #tries = 0;
  #waited = 0;

  /** @param {() => number} random at least 0, below 1 */
  constructor(random) {
    this.#random = random;
  }

  /** Whether sessions of late have failed. */
  get isWaiting() {
    return this.#tries > 0;
  }

  /** The session works, or the user decides: the next end is a first one. */
  reset() {
    this.#tries = 0;
    this.#waited = 0;
  }

  /**
   * @param {End} end
   * @returns {number | null} milliseconds until the next try; null: none
   */
  delayAfter(end) {
    if (!this.#mayContinue(end) || this.#waited >= PATIENCE) {
      this.reset();
      return null;
    }
    const delay = Math.round(this.#delay(end.code === BUSY));
    this.#tries += 1;
    this.#waited += delay;
    return delay;
  }

  /** @param {boolean} busy */
  #delay(busy) {
    const first = busy ? FIRST_SPREAD : FIRST;
    const longest = Math.min(first * 2 ** this.#tries, LONGEST);
    if (busy) {
      return Math.max(longest * this.#random(), FIRST / 2);
    }
    // When a proxy goes down, all its pages come back: not all at once.
    return longest * (0.5 + this.#random() / 2);
  }

  /** @param {End} end */
  #mayContinue({cause, code, opened}) {
    if (cause !== null || code === null) {
      return false;
    }
    if (this.isWaiting) {
      return CONTINUES.has(code);
    }
    // A connection that never opened is one that the proxy refuses.
    return STARTS.has(code) && (opened || code !== LOST);
  }
}
