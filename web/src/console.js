// SPDX-License-Identifier: Apache-2.0

/**
 * The sessions of one page: the first, and each after it, by the user or by
 * itself.
 */

import {Retry} from './retry.js';
import {Session} from './session.js';

/** @typedef {import('./plug.js').PlugLoader} PlugLoader */
/** @typedef {import('./reasons.js').End} End */
/** @typedef {import('./session.js').View} View */

/**
 * @typedef {object} Endings
 * @property {(end: End, seconds: number) => void} waiting connects again by
 *   itself after so many seconds
 * @property {(end: End) => void} ended does not
 */

// A session that lived for so many milliseconds has worked.
const WORKED = 10000;

/** Connects to one address for as long as the page lives. */
export class Console {
  #way;
  #load;
  #view;
  #retry = new Retry(Math.random);
  /** @type {Session | null} */
  #session = null;
  #timer = 0;
  /** @type {number | null} */
  #readyAt = null;

  /**
   * @param {import('./session.js').Way} way
   * @param {PlugLoader} load
   * @param {View & Endings} view
   */
  constructor(way, load, view) {
    this.#way = way;
    this.#load = load;
    this.#view = view;
    // One who comes back to the tab wants to see the console now.
    window.addEventListener('online', () => this.#hurry());
    document.addEventListener('visibilitychange', () => {
      if (!document.hidden) {
        this.#hurry();
      }
    });
  }

  /** The user asks for a session. */
  connect() {
    this.#retry.reset();
    this.#start();
  }

  /** The user wants no session and no further try. */
  disconnect() {
    const wasReady = this.#readyAt !== null;
    window.clearTimeout(this.#timer);
    this.#timer = 0;
    this.#retry.reset();
    if (this.#session === null) {
      this.#view.ended({code: null, opened: false, cause: 'stopped'});
    } else {
      this.#session.end(wasReady ? 'user' : 'stopped');
    }
  }

  #hurry() {
    if (this.#timer !== 0) {
      this.#start();
    }
  }

  #start() {
    window.clearTimeout(this.#timer);
    this.#timer = 0;
    this.#readyAt = null;
    const session = new Session(this.#way, this.#view, {
      ready: () => {
        this.#readyAt = performance.now();
      },
      ended: (end) => this.#onEnd(end),
    });
    this.#session = session;
    session.run(this.#load);
  }

  /** @param {End} end */
  #onEnd(end) {
    this.#session = null;
    // One that closes as soon as it opens must not be opened without a pause.
    const hasWorked = this.#readyAt !== null
      && performance.now() - this.#readyAt > WORKED;
    this.#readyAt = null;
    if (hasWorked) {
      this.#retry.reset();
    }
    const delay = this.#retry.delayAfter(end);
    if (delay === null) {
      this.#view.ended(end);
      return;
    }
    this.#timer = window.setTimeout(() => this.#start(), delay);
    this.#view.waiting(end, delay / 1000);
  }
}
