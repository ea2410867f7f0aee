// SPDX-License-Identifier: Apache-2.0

/**
 * Brings up the on-screen keyboard of a touch device and reads what it types.
 */

import {element} from './dom.js';
import {BACKSPACE, ENTER, eventsOf, strokesOf} from './keys.js';

/** @typedef {import('./plug.js').Client} Client */
/** @typedef {import('./keys.js').Key} Key */

// On-screen keyboards send no keys but changes of a text; so that Backspace
// is a change as well, the text is never empty.
const FILLER = '\u00a0'.repeat(8);

export class TouchKeyboard {
  #input = /** @type {HTMLTextAreaElement} */ (element('touch-input'));
  #client;

  /** @param {() => Client | null} client */
  constructor(client) {
    this.#client = client;
    this.#input.addEventListener('beforeinput', (event) => {
      this.#onInput(event);
    });
    this.#input.addEventListener('compositionend', (event) => {
      this.#type(event.data);
      this.#reset();
    });
    this.#input.addEventListener('input', (event) => {
      const {isComposing} = /** @type {InputEvent} */ (event);
      if (!isComposing) {
        this.#reset();
      }
    });
  }

  open() {
    this.#reset();
    this.#input.focus();
  }

  #reset() {
    this.#input.value = FILLER;
    this.#input.setSelectionRange(FILLER.length, FILLER.length);
  }

  /** @param {InputEvent} event */
  #onInput(event) {
    if (event.isComposing) {
      return;
    }
    const kind = event.inputType;
    /** @type {Key | null} */
    let key = null;
    if (kind === 'insertLineBreak' || kind === 'insertParagraph') {
      key = ENTER;
    } else if (kind.startsWith('delete')) {
      key = BACKSPACE;
    } else {
      this.#type(event.data ?? '');
    }
    if (key !== null) {
      this.#client()?.press([key]);
    }
    event.preventDefault();
  }

  /** @param {string} text */
  #type(text) {
    const picture = this.#client()?.picture;
    if (!picture) {
      return;
    }
    const {strokes} = strokesOf(text, picture.typesEverything());
    for (const {key, isDown} of eventsOf(strokes)) {
      picture.key(key, isDown);
    }
  }
}
