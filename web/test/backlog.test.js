// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import {test} from 'node:test';

import {Backlog} from '../src/backlog.js';

/** A terminal that takes one batch at a time, when it is told to. */
class SlowTerminal {
  batches = [];
  drops = 0;
  #done = null;

  open(limit) {
    return new Backlog((batch, done) => {
      assert.equal(this.#done, null, 'written before the last was done');
      this.batches.push(Buffer.from(batch));
      this.#done = done;
    }, () => {
      this.drops += 1;
    }, limit);
  }

  /** Shows everything that waits. */
  catchUp() {
    while (this.#done !== null) {
      const done = this.#done;
      this.#done = null;
      done();
    }
  }

  get text() {
    return Buffer.concat(this.batches).toString('latin1');
  }
}

/** Returns a piece of output made of one letter. */
function piece(letter, size) {
  return new Uint8Array(Buffer.alloc(size, letter));
}

test('output is shown at once and in order', () => {
  const terminal = new SlowTerminal();
  const backlog = terminal.open();
  backlog.push(piece('a', 2));
  assert.equal(terminal.text, 'aa');
  backlog.push(piece('b', 1));
  backlog.push(piece('c', 1));
  terminal.catchUp();
  assert.equal(terminal.text, 'aabc');
});

test('what waits is joined into larger batches', () => {
  const terminal = new SlowTerminal();
  const backlog = terminal.open();
  for (let count = 0; count < 5000; count += 1) {
    backlog.push(piece('x', 100));
  }
  terminal.catchUp();
  assert.equal(terminal.text.length, 500000);
  assert.ok(terminal.batches.length < 20);
});

test('beyond the limit the oldest is left out, and it is said', () => {
  const terminal = new SlowTerminal();
  const backlog = terminal.open(10);
  backlog.push(piece('a', 4));
  backlog.push(piece('b', 6));
  backlog.push(piece('c', 6));
  terminal.catchUp();
  assert.equal(terminal.text, 'aaaacccccc');
  assert.equal(terminal.drops, 1);
});

test('one piece above the limit is still shown', () => {
  const terminal = new SlowTerminal();
  terminal.open(10).push(piece('a', 50));
  assert.equal(terminal.text.length, 50);
  assert.equal(terminal.drops, 0);
});

test('a mark is made once all before it is shown, and comes in its place',
  () => {
    const terminal = new SlowTerminal();
    const backlog = terminal.open();
    let shown = '';
    backlog.push(piece('a', 3));
    backlog.push(piece('b', 3));
    backlog.mark(() => {
      shown = terminal.text;
      return piece('-', 1);
    });
    backlog.push(piece('c', 3));
    terminal.catchUp();
    assert.equal(shown, 'aaabbb');
    assert.equal(terminal.text, 'aaabbb-ccc');
  });

test('a mark is not dropped with the output around it', () => {
  const terminal = new SlowTerminal();
  const backlog = terminal.open(4);
  backlog.push(piece('a', 1));
  backlog.push(piece('b', 3));
  backlog.mark(() => piece('-', 1));
  backlog.push(piece('c', 3));
  backlog.push(piece('d', 3));
  terminal.catchUp();
  assert.equal(terminal.text, 'a-ddd');
});
