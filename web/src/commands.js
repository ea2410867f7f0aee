// SPDX-License-Identifier: Apache-2.0

/**
 * What the menus of a console page hold.
 */

import * as keys from './keys.js';

/** @typedef {import('./menu.js').Entry} Entry */
/** @typedef {import('./plug.js').Client} Client */
/** @typedef {import('./words.js').Words} Words */

/**
 * What an entry may ask of the bar.
 *
 * @typedef {object} Bar
 * @property {Words} words
 * @property {(act: (client: Client) => void) =>
 *   (event: MouseEvent) => void} onClient runs it on the client, if there is
 *   one, and gives the keyboard back
 * @property {() => void} openText
 * @property {() => void} openHelp
 * @property {() => void} openFind
 * @property {() => void} save
 * @property {() => void} copy
 * @property {() => void} paste
 * @property {() => void} toggleScale
 * @property {() => void} toggleReadOut
 * @property {() => void} openTouchKeyboard
 * @property {() => void} disconnect
 */

const HAS_TOUCH = () => navigator.maxTouchPoints > 0;

/**
 * @param {Bar} bar
 * @returns {Entry[]} the keys of a PC
 */
function pcKeys({words: {menu}, onClient}) {
  /** @type {(id: string, label: string, pressed: keys.Key[],
   *   group: string) => Entry} */
  const entry = (id, label, pressed, group) => ({
    id: `key-${id}`,
    label,
    group,
    run: onClient((client) => client.press(pressed)),
  });
  return [
    entry('windows', menu.windows, [keys.WINDOWS], 'single'),
    entry('print', menu.print, [keys.PRINT], 'single'),
    entry('tab', menu.tab, [keys.TAB], 'single'),
    entry('escape', menu.escape, [keys.ESCAPE], 'single'),
    // Not first: whoever opens the menu by keyboard lands there.
    entry('ctrl-alt-del', menu.ctrlAltDel,
      [keys.CONTROL, keys.ALT, keys.DELETE], 'single'),
    ...keys.FUNCTION_KEYS.map((key, index) => entry(
      `ctrl-alt-f${index + 1}`, `Ctrl+Alt+F${index + 1}`,
      [keys.CONTROL, keys.ALT, key], 'functions')),
  ];
}

/**
 * @param {Bar} bar
 * @returns {Entry[]} what a terminal's keys send
 */
function lineKeys({words: {menu}, onClient}) {
  /** @type {(id: string, label: string, data: string) => Entry} */
  const entry = (id, label, data) => ({
    id: `key-${id}`,
    label,
    run: onClient((client) => client.terminal?.send(data)),
  });
  return [
    entry('ctrl-c', menu.ctrlC, '\x03'),
    entry('ctrl-d', menu.ctrlD, '\x04'),
    entry('ctrl-z', menu.ctrlZ, '\x1a'),
    entry('tab', menu.tab, '\t'),
    entry('escape', menu.escape, '\x1b'),
  ];
}

/**
 * @param {Bar} bar
 * @param {boolean} hasScreen
 * @returns {Entry[]}
 */
export function keyEntries(bar, hasScreen) {
  return hasScreen ? pcKeys(bar) : lineKeys(bar);
}

/**
 * @param {Bar} bar
 * @param {boolean} hasClipboard
 * @returns {Entry[]}
 */
function screenEntries(bar, hasClipboard) {
  const {menu} = bar.words;
  const label = hasClipboard ? menu.text : menu.textOnly;
  return [
    {id: 'open-text', label, group: 'text', run: bar.openText},
    {
      id: 'scale',
      label: menu.scale,
      group: 'view',
      isOn: true,
      run: bar.toggleScale,
    },
    {id: 'save', label: menu.screenshot, group: 'view', run: bar.save},
  ];
}

/**
 * @param {Bar} bar
 * @returns {Entry[]}
 */
function lineEntries(bar) {
  const {menu, sendSize, sendSizeHint} = bar.words;
  return [
    {
      id: 'copy', label: menu.copy, group: 'text', always: true, run: bar.copy,
    },
    {id: 'paste', label: menu.paste, group: 'text', run: bar.paste},
    {id: 'open-text', label: menu.textOnly, group: 'text', run: bar.openText},
    {
      id: 'open-find',
      label: menu.find,
      group: 'view',
      always: true,
      run: bar.openFind,
    },
    {
      id: 'save', label: menu.download, group: 'view', always: true,
      run: bar.save,
    },
    {
      id: 'clear',
      label: menu.clear,
      group: 'view',
      run: bar.onClient((client) => client.terminal?.clear()),
    },
    {
      id: 'reset',
      label: menu.reset,
      group: 'view',
      run: bar.onClient((client) => client.terminal?.reset()),
    },
    {
      id: 'read-out',
      label: menu.screenReader,
      group: 'view',
      isOn: false,
      run: bar.toggleReadOut,
    },
    {
      id: 'send-size',
      label: sendSize(24, 80),
      hint: sendSizeHint,
      group: 'size',
      run: bar.onClient((client) => {
        const size = client.terminal?.size();
        if (size) {
          client.terminal?.send(
            `stty rows ${size.rows} cols ${size.columns}\r`);
        }
      }),
    },
  ];
}

// Entries that send something to the guest.
const INPUT = new Set(['open-text', 'paste', 'send-size']);

/**
 * @param {Bar} bar
 * @param {{hasScreen: boolean, hasClipboard: boolean, isViewOnly: boolean}}
 *   kind
 * @returns {Entry[]}
 */
export function moreEntries(bar, {hasScreen, hasClipboard, isViewOnly}) {
  const {menu} = bar.words;
  const all = hasScreen ? screenEntries(bar, hasClipboard) : lineEntries(bar);
  const entries = all.filter(({id}) => !isViewOnly || !INPUT.has(id));
  if (HAS_TOUCH() && !isViewOnly) {
    entries.push({
      id: 'open-touch-keyboard',
      label: menu.touchKeyboard,
      group: 'help',
      run: bar.openTouchKeyboard,
    });
  }
  entries.push({
    id: 'open-help',
    label: menu.help,
    group: 'help',
    always: true,
    run: bar.openHelp,
  }, {
    id: 'disconnect',
    label: menu.disconnect,
    group: 'end',
    run: bar.disconnect,
  });
  return entries;
}
