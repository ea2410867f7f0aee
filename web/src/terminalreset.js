// SPDX-License-Identifier: Apache-2.0

/**
 * What puts a terminal into the state of a new one while its text stays. No
 * DOM in here.
 *
 * A program that ended with its server has switched nothing off: mouse
 * reports would type at the login prompt that comes next.
 */

const PRIVATE_OFF = [
  1, // Application cursor keys
  5, // Reverse video
  9, 1000, 1001, 1002, 1003, // Mouse reports
  1004, // Focus reports
  1005, 1006, 1015, 1016, // Their encodings
  45, // Reverse wraparound
  2004, // Bracketed paste
  2026, // Synchronized output
];

const RESET = [
  '\x18', // Whatever sequence was under way ends here.
  ...[1049, 1047, 47].map((mode) => `\x1b[?${mode}l`), // Alternate screen
  '\x1b[!p', // Margins, origin, insert, attributes, saved cursor
  ...PRIVATE_OFF.map((mode) => `\x1b[?${mode}l`),
  '\x1b[?7h\x1b[?25h\x1b[0 q', // Wraparound, the cursor and its form
  '\x1b>\x1b[4l\x1b[20l', // Keypad, insert, line feeds
  '\x0f\x1b(B\x1b)B\x1b*B\x1b+B', // Character sets
  '\x1b]8;;\x1b\\', // A link that was not ended
  '\x1b]104\x1b\\\x1b]110\x1b\\\x1b]111\x1b\\\x1b]112\x1b\\', // Colours
  '\x1b[0m',
].join('');

/** @param {number} columns */
function tabStops(columns) {
  let stops = '\x1b[3g';
  for (let column = 9; column <= columns; column += 8) {
    stops += `\x1b[${column}G\x1bH`;
  }
  return stops;
}

/**
 * @param {{columns: number, row: number, line: string}} where the row of the
 *   screen that has the last text, from 1, or 0 where there is none; a line
 *   to write below it, may be empty
 * @returns {Uint8Array} begins below the last text
 */
export function resetTerminal({columns, row, line}) {
  const below = row === 0 ? '\x1b[1;1H' : `\x1b[${row};1H\r\n`;
  const shown = line === '' ? '' : `\x1b[2m[${line}]\x1b[0m\r\n`;
  // As bytes, so that half a character before it ends as well.
  return new TextEncoder().encode(
    RESET + tabStops(columns) + below + shown);
}
