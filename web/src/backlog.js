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

/**
 * Output, or what makes some once all that came before it is shown.
 *
 * @typedef {Uint8Array | (() => Uint8Array)} Piece
 */

export class Backlog {
  #write;
  #dropped;
  #limit;
  /** @type {Piece[]} */
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
    /** @type {Piece[]} */
    const marks = [];
    while (this.#size > this.#limit && this.#pieces.length > this.#first + 1) {
      const oldest = this.#shift();
      if (oldest instanceof Uint8Array) {
        hasDropped = true;
      } else {
        marks.push(oldest);
      }
    }
    this.#pieces.splice(this.#first, 0, ...marks);
    if (hasDropped) {
      this.#dropped();
    }
    this.#next();
  }

  /**
   * Has something written that depends on all that came before; it is never
   * dropped.
   *
   * @param {() => Uint8Array} make
   */
  mark(make) {
    this.#pieces.push(make);
    this.#next();
  }

  #shift() {
    const piece = this.#pieces[this.#first];
    this.#first += 1;
    this.#size -= piece instanceof Uint8Array ? piece.length : 0;
    // Array.shift would make a long queue quadratic.
    if (this.#first > 1024) {
      this.#pieces.splice(0, this.#first);
      this.#first = 0;
    }
    return piece;
  }

  #next() {
    if (this.#isWriting || this.#pieces.length === this.#first) {
      return;
    }
    this.#isWriting = true;
    this.#write(this.#batch(), () => {
      this.#isWriting = false;
      this.#next();
    });
  }

  /** @returns {Uint8Array} what is written next */
  #batch() {
    if (!(this.#pieces[this.#first] instanceof Uint8Array)) {
      return /** @type {() => Uint8Array} */ (this.#shift())();
    }
    /** @type {Uint8Array[]} */
    const batch = [];
    let size = 0;
    while (size < BATCH
        && this.#pieces[this.#first] instanceof Uint8Array) {
      const piece = /** @type {Uint8Array} */ (this.#shift());
      batch.push(piece);
      size += piece.length;
    }
    return join(batch, size);
  }
}
