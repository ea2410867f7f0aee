// SPDX-License-Identifier: Apache-2.0

/**
 * Keys of a PC keyboard, and which of them type a text. No DOM in here.
 */

/**
 * @typedef {object} Key
 * @property {number} keysym what it means, as X11 numbers it
 * @property {string | null} code where it is, as KeyboardEvent.code names it;
 *   null where a US keyboard has no such key
 */

/** @typedef {Key & {shift: boolean}} Stroke */

/**
 * @typedef {object} Typing
 * @property {Stroke[]} strokes in the order of the text
 * @property {string[]} skipped the characters that no key types
 */

/**
 * A key that goes down or up.
 *
 * @typedef {object} KeyEvent
 * @property {Key} key
 * @property {boolean} isDown
 * @property {number} typed how many characters are whole with it
 */

/** @type {Key} */
export const CONTROL = {keysym: 0xffe3, code: 'ControlLeft'};
/** @type {Key} */
export const ALT = {keysym: 0xffe9, code: 'AltLeft'};
/** @type {Key} */
export const SHIFT = {keysym: 0xffe1, code: 'ShiftLeft'};
/** @type {Key} */
export const DELETE = {keysym: 0xffff, code: 'Delete'};
/** @type {Key} */
export const TAB = {keysym: 0xff09, code: 'Tab'};
/** @type {Key} */
export const ENTER = {keysym: 0xff0d, code: 'Enter'};
/** @type {Key} */
export const ESCAPE = {keysym: 0xff1b, code: 'Escape'};
/** @type {Key} */
export const BACKSPACE = {keysym: 0xff08, code: 'Backspace'};
/** @type {Key} */
export const WINDOWS = {keysym: 0xffeb, code: 'MetaLeft'};
/** @type {Key} */
export const PRINT = {keysym: 0xff61, code: 'PrintScreen'};

/** F1 to F12. */
export const FUNCTION_KEYS = Array.from({length: 12}, (_, index) => ({
  keysym: 0xffbe + index,
  code: `F${index + 1}`,
}));

// The US layout: a key's place, what it types alone and what with Shift.
const PLACES = [
  ['Backquote', '`~'], ['Minus', '-_'], ['Equal', '=+'],
  ['BracketLeft', '[{'], ['BracketRight', ']}'], ['Backslash', '\\|'],
  ['Semicolon', ';:'], ['Quote', '\'"'], ['Comma', ',<'], ['Period', '.>'],
  ['Slash', '/?'], ['Space', ' '],
  ...Array.from('1234567890', (digit, index) =>
    [`Digit${digit}`, digit + '!@#$%^&*()'[index]]),
  ...Array.from('abcdefghijklmnopqrstuvwxyz', (letter) =>
    [`Key${letter.toUpperCase()}`, letter + letter.toUpperCase()]),
];

/**
 * Which letter of a shortcut a key is, wherever a layout has it. Where the
 * layout has a letter of another script there, the place decides.
 *
 * @param {{key: string, code: string}} event
 * @returns {string} a to z, or empty
 */
export function letterOf({key, code}) {
  if (/^[a-z]$/i.test(key)) {
    return key.toLowerCase();
  }
  const isOfAnotherScript = /^\p{L}/u.test(key);
  const place = /^Key([A-Z])$/.exec(code);
  return isOfAnotherScript && place !== null ? place[1].toLowerCase() : '';
}

/**
 * The X11 keysym of a character: Latin-1 has the same numbers, all others
 * are marked as Unicode.
 *
 * @param {string} character
 */
function keysymOf(character) {
  const point = character.codePointAt(0) ?? 0;
  return point < 0x100 ? point : 0x01000000 | point;
}

/** @returns {Map<string, Stroke>} */
function usLayout() {
  const strokes = new Map();
  for (const [code, characters] of PLACES) {
    Array.from(characters).forEach((character, index) => {
      const keysym = keysymOf(character);
      strokes.set(character, {keysym, code, shift: index === 1});
    });
  }
  strokes.set('\n', {...ENTER, shift: false});
  strokes.set('\t', {...TAB, shift: false});
  return strokes;
}

const LAYOUT = usLayout();

/**
 * Finds the keys that type a text. Line ends of every kind are Enter;
 * control characters are no text.
 *
 * @param {string} text
 * @param {boolean} everything whether the protocol can also carry characters
 *   that a US keyboard does not have
 * @returns {Typing}
 */
export function strokesOf(text, everything) {
  /** @type {Stroke[]} */
  const strokes = [];
  /** @type {string[]} */
  const skipped = [];
  for (const character of text.replace(/\r\n?/g, '\n')) {
    const stroke = LAYOUT.get(character);
    if (stroke !== undefined) {
      strokes.push(stroke);
    } else if (everything && !/\p{C}/u.test(character)) {
      strokes.push({keysym: keysymOf(character), code: null, shift: false});
    } else {
      skipped.push(character);
    }
  }
  return {strokes, skipped};
}

/**
 * What the keys do that type this. Shift goes down and up only where the text
 * changes between characters with and without it: a keyboard's controller
 * holds few events, and each one that it loses is a wrong character.
 *
 * @param {Stroke[]} strokes
 * @returns {KeyEvent[]} leaves no key down
 */
export function eventsOf(strokes) {
  /** @type {KeyEvent[]} */
  const events = [];
  let isShifted = false;
  strokes.forEach((stroke, typed) => {
    if (stroke.shift !== isShifted) {
      isShifted = stroke.shift;
      events.push({key: SHIFT, isDown: isShifted, typed});
    }
    events.push({key: stroke, isDown: true, typed});
    events.push({key: stroke, isDown: false, typed: typed + 1});
  });
  if (isShifted) {
    events.push({key: SHIFT, isDown: false, typed: strokes.length});
  }
  return events;
}
