// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import {test} from 'node:test';

import {eventsOf, letterOf, strokesOf} from '../src/keys.js';
import SCANCODES from
  '../node_modules/@novnc/novnc/core/input/xtscancodes.js';
import {scancodeOf} from '../src/scancodes.js';

/** Returns the places and Shift of the keys that type a text. */
function placesOf(text) {
  return strokesOf(text, false).strokes.map(
    ({code, shift}) => (shift ? `Shift+${code}` : code));
}

test('letters and digits are typed where a US keyboard has them', () => {
  assert.deepEqual(placesOf('aZ1!'),
    ['KeyA', 'Shift+KeyZ', 'Digit1', 'Shift+Digit1']);
});

test('every printable character of ASCII can be typed', () => {
  const ascii = Array.from({length: 95}, (_, at) =>
    String.fromCharCode(32 + at)).join('');
  const {strokes, skipped} = strokesOf(ascii, false);
  assert.deepEqual(skipped, []);
  assert.deepEqual(strokes.map(({keysym}) => keysym),
    Array.from(ascii, (character) => character.charCodeAt(0)));
});

test('no two characters share a key', () => {
  const ascii = Array.from({length: 95}, (_, at) =>
    String.fromCharCode(32 + at)).join('');
  assert.equal(new Set(placesOf(ascii)).size, 95);
});

test('each kind of line end is Enter, once', () => {
  assert.deepEqual(placesOf('\n\r\r\n'), ['Enter', 'Enter', 'Enter']);
});

test('a character that has no key is left out and counted', () => {
  const {strokes, skipped} = strokesOf('a\u00e4\u{1f600}b', false);
  assert.equal(strokes.length, 2);
  assert.deepEqual(skipped, ['\u00e4', '\u{1f600}']);
});

test('a protocol that carries every character gets it as a keysym', () => {
  const {strokes, skipped} = strokesOf('\u00e4\u20ac', true);
  assert.deepEqual(strokes.map(({keysym}) => keysym), [0xe4, 0x10020ac]);
  assert.deepEqual(skipped, []);
});

test('control characters are never typed', () => {
  assert.deepEqual(strokesOf('\u0000\u001b\u0003', true),
    {strokes: [], skipped: ['\u0000', '\u001b', '\u0003']});
});

test('every key that types a text has a scancode', () => {
  const ascii = Array.from({length: 95}, (_, at) =>
    String.fromCharCode(32 + at)).join('');
  for (const {code} of strokesOf(`${ascii}\n\t`, false).strokes) {
    assert.notEqual(scancodeOf(SCANCODES, code, true), null, code);
  }
});

// From the IBM PC/AT Technical Reference, set 1.
const KNOWN = [
  ['Escape', 0x01], ['KeyA', 0x1e], ['Enter', 0x1c], ['ShiftRight', 0x36],
  ['Space', 0x39], ['F1', 0x3b], ['F10', 0x44], ['NumpadDecimal', 0x53],
  ['IntlBackslash', 0x56], ['F11', 0x57], ['F12', 0x58],
  ['ControlRight', 0x1de0], ['NumpadDivide', 0x35e0], ['AltRight', 0x38e0],
  ['ArrowUp', 0x48e0], ['ArrowLeft', 0x4be0], ['ArrowDown', 0x50e0],
  ['Delete', 0x53e0], ['MetaLeft', 0x5be0],
  // Of Korean and Japanese keyboards, and those of multimedia keyboards.
  ['Lang1', 0x72], ['Lang2', 0x71], ['Convert', 0x79], ['IntlYen', 0x7d],
  ['KanaMode', 0x70], ['F13', 0x5d], ['MediaPlayPause', 0x22e0],
];
for (const [code, scancode] of KNOWN) {
  test(`the key ${code} has its scancode`, () => {
    assert.equal(scancodeOf(SCANCODES, code, true), scancode);
  });
}

test('a key that is let go has the highest bit of its last byte set', () => {
  assert.equal(scancodeOf(SCANCODES, 'KeyA', false), 0x9e);
  assert.equal(scancodeOf(SCANCODES, 'Delete', false), 0xd3e0);
});

test('a key that a PC does not have has no scancode', () => {
  assert.equal(scancodeOf(SCANCODES, 'Fn', true), null);
  assert.equal(scancodeOf(SCANCODES, '', true), null);
  assert.equal(scancodeOf(SCANCODES, 'toString', true), null);
});

const LETTERS = [
  ['a QWERTY layout', 'C', 'KeyC', 'c'],
  ['Dvorak, where C is elsewhere', 'C', 'KeyI', 'c'],
  ['Dvorak, where J is', 'J', 'KeyC', 'j'],
  ['a Cyrillic layout', '\u0421', 'KeyC', 'c'],
  ['macOS with Option', '\u0131', 'KeyB', 'b'],
  ['a dead key', 'Dead', 'KeyB', 'b'],
  ['a comma', ',', 'KeyW', ''],
  ['no letter at all', 'Enter', 'Enter', ''],
];
for (const [name, key, code, letter] of LETTERS) {
  test(`the letter of ${name} is "${letter}"`, () => {
    assert.equal(letterOf({key, code}), letter);
  });
}

/** What the keys do, as "+KeyA -KeyA". */
function movesOf(text) {
  return eventsOf(strokesOf(text, false).strokes)
    .map(({key, isDown}) => `${isDown ? '+' : '-'}${key.code}`).join(' ');
}

test('Shift is held for as long as the text needs it', () => {
  assert.equal(movesOf('aBCd'), '+KeyA -KeyA +ShiftLeft +KeyB -KeyB '
    + '+KeyC -KeyC -ShiftLeft +KeyD -KeyD');
});

test('no key is left down', () => {
  assert.equal(movesOf('A'), '+ShiftLeft +KeyA -KeyA -ShiftLeft');
});

test('a character counts once its key is let go', () => {
  const events = eventsOf(strokesOf('aB', false).strokes);
  assert.deepEqual(events.map(({typed}) => typed), [0, 1, 1, 1, 2, 2]);
});
