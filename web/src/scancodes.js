// SPDX-License-Identifier: Apache-2.0

/**
 * Places on the keyboard (KeyboardEvent.code) as PC/AT set 1 scancodes, which
 * is what SPICE carries. Codes of two bytes begin with 0xE0. No DOM in here.
 */

const EXTENDED = 0xe0;
const BREAK = 0x80;

// Keys in the order of their codes; a hole is a key of another kind.
const ROWS = /** @type {[number, string][]} */ ([
  [0x01, 'Escape Digit1 Digit2 Digit3 Digit4 Digit5 Digit6 Digit7 Digit8 '
    + 'Digit9 Digit0 Minus Equal Backspace Tab KeyQ KeyW KeyE KeyR KeyT KeyY '
    + 'KeyU KeyI KeyO KeyP BracketLeft BracketRight Enter ControlLeft KeyA '
    + 'KeyS KeyD KeyF KeyG KeyH KeyJ KeyK KeyL Semicolon Quote Backquote '
    + 'ShiftLeft Backslash KeyZ KeyX KeyC KeyV KeyB KeyN KeyM Comma Period '
    + 'Slash ShiftRight NumpadMultiply AltLeft Space CapsLock F1 F2 F3 F4 F5 '
    + 'F6 F7 F8 F9 F10 NumLock ScrollLock Numpad7 Numpad8 Numpad9 '
    + 'NumpadSubtract Numpad4 Numpad5 Numpad6 NumpadAdd Numpad1 Numpad2 '
    + 'Numpad3 Numpad0 NumpadDecimal'],
  [0x56, 'IntlBackslash F11 F12'],
  [0x59, 'NumpadEqual'],
  [0x70, 'KanaMode'],
  [0x73, 'IntlRo'],
  [0x79, 'Convert'],
  [0x7b, 'NonConvert'],
  [0x7d, 'IntlYen NumpadComma'],
]);

const EXTENDED_ROWS = /** @type {[number, string][]} */ ([
  [0x1c, 'NumpadEnter ControlRight'],
  [0x20, 'AudioVolumeMute'],
  [0x2e, 'AudioVolumeDown'],
  [0x30, 'AudioVolumeUp'],
  [0x35, 'NumpadDivide'],
  [0x37, 'PrintScreen AltRight'],
  [0x46, 'Pause Home ArrowUp PageUp'],
  [0x4b, 'ArrowLeft'],
  [0x4d, 'ArrowRight'],
  [0x4f, 'End ArrowDown PageDown Insert Delete'],
  [0x5b, 'MetaLeft MetaRight ContextMenu'],
]);

/** @returns {Map<string, number>} */
function allCodes() {
  const codes = new Map();
  for (const [first, names] of ROWS) {
    names.split(' ').forEach((name, at) => codes.set(name, first + at));
  }
  for (const [first, names] of EXTENDED_ROWS) {
    names.split(' ').forEach((name, at) => {
      codes.set(name, (first + at) << 8 | EXTENDED);
    });
  }
  return codes;
}

const CODES = allCodes();

/**
 * @param {string} code a KeyboardEvent.code
 * @param {boolean} isDown
 * @returns {number | null} as a SPICE key message has it: the bytes of the
 *   scancode, the first one lowest; null for a key that a PC does not have
 */
export function scancodeOf(code, isDown) {
  const make = CODES.get(code);
  if (make === undefined) {
    return null;
  }
  if (isDown) {
    return make;
  }
  return make > 0xff ? make | BREAK << 8 : make | BREAK;
}
