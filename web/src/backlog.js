// SPDX-License-Identifier: Apache-2.0

/**
 * Output that waits until the terminal has shown what came before it. No DOM
 * in here.
 */

// A browser cannot make a WebSocket wait. Beyond this much output the oldest
// is dropped; it would have left the scrollback before anybody could read it.
const LIMIT = 16 << 20;

// What the terminal gets at a time: little enough to stay responsive.
const BATCH = 64 << 10;

/**
 * Joins pieces into one.
 *
 * @param {Uint8Array[]} pieces
 * @param {number} size of all of them
 */
function join(pieces, size) {
  const joined = new Uint8Array(size);
  let at = 0;
  for (const piece of pieces) {
    joined.set(piece, at);
    at += piece.length;
  }
  return joined;
}

export class Backlog {
  #write;
  #dropped;
  #limit;
  /** @type {Uint8Array[]} */
  #pieces = [];
  #first = 0;
  #size = 0;
  #isWriting = false;

  /**
   * @param {(batch: Uint8Array, done: () => void) => void} write
   * @param {() => void} dropped called when output is left out
   * @param {number} [limit] bytes that may wait
   */
  constructor(write, dropped, limit = LIMIT) {
    this.#write = write;
    this.#dropped = dropped;
    this.#limit = limit;
  }

  /** @param {Uint8Array} piece */
  push(piece) {
    this.#pieces.push(piece);
    this.#size += piece.length;
    let hasDropped = false;
    while (this.#size > this.#limit && this.#pieces.length > this.#first + 1) {
      this.#shift();
      hasDropped = true;
    }
    if (hasDropped) {
      this.#dropped();
    }
    this.#next();
  }

  #shift() {
    const piece = this.#pieces[this.#first];
    this.#first += 1;
    this.#size -= piece.length;
    // Array.shift would make a long queue quadratic.
    if (this.#first > 1024) {
      this.#pieces.splice(0, this.#first);
      this.#first = 0;
    }
    return piece;
  }

  #next() {
    if (this.#isWriting || this.#size === 0) {
      return;
    }
    const batch = [];
    let size = 0;
    while (size < BATCH && this.#pieces.length > this.#first) {
      const piece = this.#shift();
      batch.push(piece);
      size += piece.length;
    }
    this.#isWriting = true;
    this.#write(join(batch, size), () => {
      this.#isWriting = false;
      this.#next();
    });
  }
}
