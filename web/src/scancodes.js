// SPDX-License-Identifier: Apache-2.0

/**
 * Places on the keyboard (KeyboardEvent.code) as PC/AT set 1 scancodes, which
 * is what SPICE carries. No DOM in here.
 */

const EXTENDED = 0xe0;
const BREAK = 0x80;

/**
 * @param {number} scancode two bytes, the first one highest: 0xe053, or one
 * @param {boolean} isDown
 * @returns {number} as a SPICE key message has it: the bytes of the scancode,
 *   the first one lowest
 */
export function keyMessageOf(scancode, isDown) {
  const last = (scancode & 0xff) | (isDown ? 0 : BREAK);
  return scancode >> 8 === EXTENDED ? last << 8 | EXTENDED : last;
}

/**
 * @param {Record<string, number>} table scancodes by KeyboardEvent.code
 * @param {string} code a KeyboardEvent.code
 * @param {boolean} isDown
 * @returns {number | null} null for a key that a PC does not have
 */
export function scancodeOf(table, code, isDown) {
  return Object.hasOwn(table, code) ? keyMessageOf(table[code], isDown) : null;
}
