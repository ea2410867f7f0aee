// SPDX-License-Identifier: Apache-2.0

/**
 * One console session after the other over the same link.
 */

import {PROTOCOLS, readNotice} from './notices.js';

/** @typedef {import('./plug.js').Client} Client */
/** @typedef {import('./plug.js').Plug} Plug */
/** @typedef {import('./plug.js').PlugLoader} PlugLoader */
/** @typedef {import('./plug.js').Report} Report */
/** @typedef {import('./reasons.js').Cause} Cause */
/** @typedef {import('./reasons.js').End} End */
/** @typedef {import('./words.js').Words} Words */

/**
 * Where to connect, and whether the proxy keeps back what is sent.
 *
 * @typedef {{url: URL, isViewOnly: boolean}} Way
 */

/**
 * What the session tells the page about itself.
 *
 * @typedef {object} View
 * @property {HTMLElement} screen where the protocol client draws
 * @property {Words} words
 * @property {() => void} connecting
 * @property {() => void} negotiating
 * @property {(client: Client) => void} connected
 * @property {(name: string) => void} named
 * @property {(text: string) => void} copied
 * @property {(text: string) => void} pasted
 * @property {(note: 'dropped' | 'silentLine') => void} noted
 * @property {() => void} resized
 * @property {(seconds: number) => void} draining the proxy goes down and ends
 *   the session then
 */

/** One session, from the connection to its end. */
export class Session {
  #way;
  #view;
  #on;
  /** @type {Client | null} */
  #client = null;
  #isOpened = false;
  #isOver = false;

  /**
   * @param {Way} way
   * @param {View} view
   * @param {{ready: () => void, ended: (end: End) => void}} on each is called
   *   at most once
   */
  constructor(way, view, on) {
    this.#way = way;
    this.#view = view;
    this.#on = on;
  }

  /**
   * Connects; never throws.
   *
   * @param {PlugLoader} load
   * @returns {Promise<void>} settles once the session is on its way
   */
  async run(load) {
    this.#view.connecting();
    let plug;
    try {
      plug = await load();
    } catch {
      this.#give('load');
      return;
    }
    if (!this.#isOver) {
      this.#open(plug);
    }
  }

  /** @param {'user' | 'stopped'} cause */
  end(cause) {
    this.#give(cause);
  }

  /** @param {Plug} plug */
  #open(plug) {
    const connection = {
      ...this.#way,
      protocols: PROTOCOLS,
      watch: (/** @type {WebSocket} */ socket) => this.#watch(socket),
    };
    try {
      this.#client = plug(
        connection, this.#view.screen, this.#report(), this.#view.words);
    } catch (error) {
      console.error(error);
      this.#give('unreadable');
    }
  }

  /** @returns {Report} */
  #report() {
    const view = this.#view;
    return {
      ready: () => {
        if (this.#client !== null && !this.#isOver) {
          this.#on.ready();
          view.connected(this.#client);
        }
      },
      named: (name) => view.named(name),
      copied: (text) => view.copied(text),
      pasted: (text) => view.pasted(text),
      noted: (note) => view.noted(note),
      resized: () => view.resized(),
      failed: (cause) => this.#give(cause),
    };
  }

  /**
   * Plugs call this before the client has the socket: the close code must be
   * read before the client tells of a failure that only follows from it.
   *
   * @param {WebSocket} socket
   */
  #watch(socket) {
    socket.addEventListener('open', () => {
      if (!this.#isOpened && !this.#isOver) {
        this.#isOpened = true;
        this.#view.negotiating();
      }
    });
    socket.addEventListener('message', (event) => {
      const notice = readNotice(event.data);
      if (notice === null) {
        return;
      }
      // Not for the client, which would take it for the guest's.
      event.stopImmediatePropagation();
      if (notice.draining !== null && !this.#isOver) {
        this.#view.draining(notice.draining);
      }
    });
    socket.addEventListener('close', (event) => {
      this.#finish({code: event.code, opened: this.#isOpened, cause: null});
    });
  }

  /** @param {Cause} cause */
  #give(cause) {
    this.#finish({code: null, opened: this.#isOpened, cause});
  }

  /** @param {End} end */
  #finish(end) {
    if (this.#isOver) {
      return;
    }
    this.#isOver = true;
    // The client may throw at what is only half set up.
    try {
      this.#client?.close();
    } catch (error) {
      console.error(error);
    }
    this.#on.ended(end);
  }
}
