// SPDX-License-Identifier: Apache-2.0

/**
 * The WebSockets of a SPICE session, one for each channel.
 *
 * spice-html5 makes them itself; so that the page can read close codes and
 * broken messages, it makes them from the class below.
 */

/**
 * @typedef {object} Guard
 * @property {URL} url the only address that may be connected to
 * @property {string[]} protocols what to offer there
 * @property {(socket: WebSocket) => void} watch
 * @property {(error: unknown) => void} failed a message could not be read
 */

/** @typedef {WebSocket & {parent?: {type: number}}} ChannelSocket */

// The channels that a session cannot go on without (SPICE protocol, 1.1):
// main, display, inputs and cursor.
const VITAL = new Set([1, 2, 3, 4]);

/** @param {ChannelSocket} socket */
function isVital(socket) {
  return socket.parent === undefined || VITAL.has(socket.parent.type);
}

/**
 * Puts a watched class in the place of WebSocket.
 *
 * @param {Guard} guard
 * @returns {() => void} closes every socket and puts WebSocket back
 */
export function guardSockets({url, protocols, watch, failed}) {
  const Original = window.WebSocket;
  /** @type {Set<WebSocket>} */
  const sockets = new Set();
  let isOver = false;

  class Guarded extends Original {
    /** @param {string | URL} address */
    constructor(address) {
      if (isOver || new URL(address).href !== url.href) {
        throw new Error('This page connects to its own console only');
      }
      super(address, protocols);
      sockets.add(this);
      // First in line: spice-html5 throws at an error, and takes any close
      // for one.
      super.addEventListener('error', (event) => {
        event.stopImmediatePropagation();
      });
      super.addEventListener('close', (event) => {
        sockets.delete(this);
        if (isOver || !isVital(this)) {
          event.stopImmediatePropagation();
        }
      });
      watch(this);
      super.addEventListener('close', (event) => {
        event.stopImmediatePropagation();
      });
    }

    /**
     * @param {string} type
     * @param {any} listener
     * @param {any} [options]
     */
    addEventListener(type, listener, options) {
      if (type !== 'message') {
        super.addEventListener(type, listener, options);
        return;
      }
      super.addEventListener(type, (/** @type {Event} */ event) => {
        try {
          if (!isOver) {
            listener.call(this, event);
          }
        } catch (error) {
          failed(error);
        }
      }, options);
    }
  }

  window.WebSocket = Guarded;
  return () => {
    isOver = true;
    window.WebSocket = Original;
    for (const socket of sockets) {
      socket.close();
    }
  };
}
