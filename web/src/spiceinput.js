// SPDX-License-Identifier: Apache-2.0

/**
 * Keyboard and pointer of a SPICE session: keys go by their place, so that
 * the layout of the server decides, and nothing takes the focus by itself.
 *
 * What browsers and systems do to key events (AltGr on Windows, Cmd and Caps
 * Lock on macOS, input methods) is noVNC's to know: its keyboard is used.
 */

import Keyboard from '@novnc/novnc/core/input/keyboard.js';
import SCANCODES from '@novnc/novnc/core/input/xtscancodes.js';
import {SpiceDisplayConn} from
  '@spice-project/spice-html5/src/display.js';
import {Constants} from '@spice-project/spice-html5/src/enums.js';
import * as pointer from '@spice-project/spice-html5/src/inputs.js';
import {SpiceMiniData, SpiceMsgcKeyDown} from
  '@spice-project/spice-html5/src/spicemsg.js';

import {scancodeOf} from './scancodes.js';

/** @typedef {import('./keys.js').Key} Key */

// What spice-html5 listens to, less the keyboard and what moves the focus.
const POINTER = /** @type {const} */ ([
  ['mousemove', pointer.handle_mousemove],
  ['mousedown', pointer.handle_mousedown],
  ['mouseup', pointer.handle_mouseup],
  ['wheel', pointer.handle_mousewheel],
  ['contextmenu', pointer.handle_contextmenu],
]);

/** @param {PointerEvent} event */
function holdPointer(event) {
  const canvas = /** @type {HTMLCanvasElement} */ (event.currentTarget);
  // A button that is let go outside of the canvas is let go all the same.
  canvas.setPointerCapture(event.pointerId);
  canvas.parentElement?.focus({preventScroll: true});
}

/** @this {any} a display channel */
function hookEvents() {
  const canvas = this.surfaces?.[this.primary_surface]?.canvas;
  if (!canvas) {
    return;
  }
  canvas.sc = this.parent;
  for (const [name, listener] of POINTER) {
    canvas.addEventListener(name, listener);
  }
  canvas.addEventListener('pointerdown', holdPointer);
}

SpiceDisplayConn.prototype.hook_events = hookEvents;
// The canvas and its listeners go together.
SpiceDisplayConn.prototype.unhook_events = () => {};

export class SpiceInput {
  /** @type {any} */
  #main = null;
  #keyboard;
  #over = new AbortController();

  /** @param {HTMLElement} place what has the focus while keys are typed */
  constructor(place) {
    this.#keyboard = new Keyboard(place);
    this.#keyboard.onkeyevent = (_, code, isDown) => this.#send(code, isDown);
    this.#keyboard.grab();
    place.addEventListener('focusout', () => this.releaseKeys(),
      {signal: this.#over.signal});
  }

  /** @param {unknown} main the main channel */
  use(main) {
    this.#main = main;
  }

  stop() {
    this.#over.abort();
    this.#keyboard.ungrab();
    this.#main = null;
  }

  releaseKeys() {
    // Letting go of the keyboard releases what is held.
    this.#keyboard.ungrab();
    this.#keyboard.grab();
  }

  /** @param {Key[]} keys */
  press(keys) {
    for (const key of keys) {
      this.key(key, true);
    }
    for (const key of [...keys].reverse()) {
      this.key(key, false);
    }
  }

  /**
   * @param {Key} key
   * @param {boolean} isDown
   */
  key({code}, isDown) {
    this.#send(code ?? '', isDown);
  }

  /**
   * @param {string} code
   * @param {boolean} isDown
   */
  #send(code, isDown) {
    const scancode = scancodeOf(SCANCODES, code, isDown);
    const inputs = this.#main?.inputs;
    if (scancode === null || inputs?.state !== 'ready') {
      return;
    }
    const key = new SpiceMsgcKeyDown();
    key.code = scancode;
    const message = new SpiceMiniData();
    message.build_msg(isDown ? Constants.SPICE_MSGC_INPUTS_KEY_DOWN
      : Constants.SPICE_MSGC_INPUTS_KEY_UP, key);
    inputs.send_msg(message);
  }
}
