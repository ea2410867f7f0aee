// SPDX-License-Identifier: Apache-2.0

/**
 * The bar that finds text in a terminal.
 */

import {button, element} from './dom.js';
import {letterOf} from './keys.js';

/** @typedef {import('./plug.js').Terminal} Terminal */

export class Finder {
  #bar = element('find');
  #input = /** @type {HTMLInputElement} */ (element('find-input'));
  #terminal;
  #leave;

  /**
   * @param {() => Terminal | null} terminal
   * @param {() => void} leave called when the user has closed it
   */
  constructor(terminal, leave) {
    this.#terminal = terminal;
    this.#leave = leave;
    this.#input.addEventListener('input', () => this.#find(false));
    this.#input.addEventListener('keydown', (event) => this.#onKey(event));
    button('find-next').addEventListener('click', () => this.#find(false));
    button('find-previous').addEventListener('click', () => this.#find(true));
    button('find-close').addEventListener('click', () => this.close());
    window.addEventListener('keydown', (event) => {
      const isFind = event.ctrlKey && event.shiftKey && !event.altKey
        && letterOf(event) === 'f';
      if (isFind && this.#terminal() !== null) {
        event.preventDefault();
        this.open();
      }
    });
  }

  open() {
    this.#bar.hidden = false;
    this.#input.select();
    this.#input.focus();
  }

  close() {
    this.#bar.hidden = true;
    this.#terminal()?.endFind();
    this.#leave();
  }

  /** @param {boolean} isBack */
  #find(isBack) {
    const text = this.#input.value;
    const isFound = this.#terminal()?.find(text, isBack) ?? false;
    this.#input.setAttribute('aria-invalid', String(text !== '' && !isFound));
  }

  /** @param {KeyboardEvent} event */
  #onKey(event) {
    if (event.key === 'Enter') {
      event.preventDefault();
      this.#find(event.shiftKey);
    } else if (event.key === 'Escape') {
      event.preventDefault();
      this.close();
    }
  }
}
