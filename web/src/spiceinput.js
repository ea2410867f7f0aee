// SPDX-License-Identifier: Apache-2.0

/**
 * Keyboard and pointer of a SPICE session: keys go by their place, so that
 * the layout of the server decides, and nothing takes the focus by itself.
 */

import {SpiceDisplayConn} from
  '@spice-project/spice-html5/src/display.js';
import {Constants} from '@spice-project/spice-html5/src/enums.js';
import * as pointer from '@spice-project/spice-html5/src/inputs.js';
import {SpiceMiniData, SpiceMsgcKeyDown} from
  '@spice-project/spice-html5/src/spicemsg.js';

import {SHIFT} from './keys.js';
import {scancodeOf} from './scancodes.js';

/** @typedef {import('./keys.js').Key} Key */
/** @typedef {import('./keys.js').Stroke} Stroke */

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
  canvas.focus({preventScroll: true});
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
  /** @type {Set<string>} */
  #held = new Set();
  #over = new AbortController();

  /** @param {HTMLElement} place */
  constructor(place) {
    const {signal} = this.#over;
    place.addEventListener('keydown', (event) => {
      this.#onKey(event, true);
    }, {signal});
    place.addEventListener('keyup', (event) => {
      this.#onKey(event, false);
    }, {signal});
    place.addEventListener('focusout', () => this.releaseKeys(), {signal});
    window.addEventListener('blur', () => this.releaseKeys(), {signal});
  }

  /** @param {unknown} main the main channel */
  use(main) {
    this.#main = main;
  }

  stop() {
    this.#over.abort();
    this.#main = null;
  }

  releaseKeys() {
    for (const code of this.#held) {
      this.#send(code, false);
    }
    this.#held.clear();
  }

  /** @param {Key[]} keys */
  press(keys) {
    for (const {code} of keys) {
      this.#send(code ?? '', true);
    }
    for (const {code} of [...keys].reverse()) {
      this.#send(code ?? '', false);
    }
  }

  /** @param {Stroke} stroke */
  type(stroke) {
    this.press(stroke.shift ? [SHIFT, stroke] : [stroke]);
  }

  /**
   * @param {KeyboardEvent} event
   * @param {boolean} isDown
   */
  #onKey(event, isDown) {
    if (scancodeOf(event.code, true) === null) {
      return;
    }
    event.preventDefault();
    this.#send(event.code, isDown);
    if (isDown) {
      this.#held.add(event.code);
    } else {
      this.#held.delete(event.code);
    }
  }

  /**
   * @param {string} code
   * @param {boolean} isDown
   */
  #send(code, isDown) {
    const scancode = scancodeOf(code, isDown);
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
