// SPDX-License-Identifier: Apache-2.0

/**
 * A button that opens a menu, used by pointer, keyboard and screen reader
 * (WAI-ARIA Authoring Practices, "Menu Button").
 */

import {make} from './dom.js';

/**
 * @typedef {object} Entry
 * @property {string} id of the element
 * @property {string} label
 * @property {(event: MouseEvent) => void} run
 * @property {boolean} [isOn] for an entry that is switched on and off
 * @property {string} [hint]
 * @property {string} [group] entries of one group stand together, apart from
 *   the others
 * @property {boolean} [always] usable without a connection
 */

export class Menu {
  #button;
  #list;
  /** @type {HTMLButtonElement[]} */
  #items = [];
  /** @type {Set<HTMLButtonElement>} */
  #always = new Set();

  /**
   * @param {HTMLButtonElement} button
   * @param {HTMLElement} list what it opens
   * @param {Entry[]} entries
   */
  constructor(button, list, entries) {
    this.#button = button;
    this.#list = list;
    button.setAttribute('aria-haspopup', 'menu');
    button.setAttribute('aria-expanded', 'false');
    button.setAttribute('aria-controls', list.id);
    list.setAttribute('role', 'menu');
    list.setAttribute('aria-labelledby', button.id);
    list.hidden = true;
    this.#fill(entries);
    button.addEventListener('click', () => this.#toggle());
    button.addEventListener('keydown', (event) => this.#onButtonKey(event));
    list.addEventListener('keydown', (event) => this.#onKey(event));
    document.addEventListener('pointerdown', (event) => {
      const target = /** @type {Node} */ (event.target);
      if (!list.contains(target) && !button.contains(target)) {
        this.close();
      }
    }, true);
    list.addEventListener('focusout', (event) => {
      const next = /** @type {Node | null} */ (event.relatedTarget);
      if (next === null || !(list.contains(next) || button.contains(next))) {
        this.close();
      }
    });
  }

  close() {
    this.#list.hidden = true;
    this.#button.setAttribute('aria-expanded', 'false');
  }

  /** @param {boolean} isConnected */
  enable(isConnected) {
    for (const item of this.#items) {
      const isUsable = isConnected || this.#always.has(item);
      item.setAttribute('aria-disabled', String(!isUsable));
    }
  }

  /**
   * @param {string} id
   * @param {string} label
   */
  rename(id, label) {
    const item = this.#items.find((found) => found.id === id);
    if (item !== undefined) {
      item.textContent = label;
    }
  }

  /**
   * @param {string} id
   * @param {boolean} isOn
   */
  check(id, isOn) {
    this.#items.find((found) => found.id === id)
      ?.setAttribute('aria-checked', String(isOn));
  }

  /** @param {Entry[]} entries */
  #fill(entries) {
    let group = make('div', 'group');
    for (const entry of entries) {
      if (group.dataset.group !== (entry.group ?? '')) {
        group = make('div', 'group');
        group.dataset.group = entry.group ?? '';
        group.setAttribute('role', 'group');
        this.#list.append(group);
      }
      group.append(this.#item(entry));
    }
  }

  /** @param {Entry} entry */
  #item(entry) {
    const item = make('button', 'item', entry.label);
    item.type = 'button';
    item.id = entry.id;
    item.tabIndex = -1;
    item.setAttribute('role', 'menuitem');
    if (entry.isOn !== undefined) {
      item.setAttribute('role', 'menuitemcheckbox');
      item.setAttribute('aria-checked', String(entry.isOn));
    }
    if (entry.hint !== undefined) {
      item.title = entry.hint;
    }
    item.addEventListener('click', (event) => {
      if (item.getAttribute('aria-disabled') !== 'true') {
        this.close();
        this.#button.focus();
        entry.run(event);
      }
    });
    if (entry.always) {
      this.#always.add(item);
    }
    this.#items.push(item);
    return item;
  }

  #toggle() {
    if (this.#list.hidden) {
      this.#open(0);
    } else {
      this.close();
    }
  }

  /** @param {number} at which entry gets the focus; -1 is the last */
  #open(at) {
    this.#list.hidden = false;
    this.#button.setAttribute('aria-expanded', 'true');
    this.#items.at(at)?.focus();
  }

  /** @param {KeyboardEvent} event */
  #onButtonKey(event) {
    if (event.key === 'ArrowDown' || event.key === 'ArrowUp') {
      event.preventDefault();
      this.#open(event.key === 'ArrowDown' ? 0 : -1);
    } else if (event.key === 'Escape') {
      this.close();
    }
  }

  /** @param {KeyboardEvent} event */
  #onKey(event) {
    const isPlain = !(event.ctrlKey || event.altKey || event.metaKey);
    const target = isPlain ? this.#target(event.key) : null;
    if (target !== null) {
      event.preventDefault();
      this.#items[target]?.focus();
    } else if (event.key === 'Escape') {
      event.preventDefault();
      this.close();
      this.#button.focus();
    } else if (event.key === 'Tab') {
      this.close();
    }
  }

  /**
   * Where a key leads from the entry that has the focus; null: nowhere.
   *
   * @param {string} key
   */
  #target(key) {
    const count = this.#items.length;
    const at = this.#items.findIndex((item) => item === document.activeElement);
    const moves = /** @type {Record<string, number>} */ ({
      ArrowDown: (at + 1) % count,
      ArrowRight: (at + 1) % count,
      ArrowUp: (at - 1 + count) % count,
      ArrowLeft: (at - 1 + count) % count,
      Home: 0,
      End: count - 1,
    });
    if (Object.hasOwn(moves, key)) {
      return moves[key];
    }
    if (key.length !== 1 || key === ' ') {
      return null;
    }
    const letter = key.toLowerCase();
    for (let step = 1; step <= count; step += 1) {
      const index = (at + step) % count;
      const text = this.#items[index].textContent ?? '';
      if (text.toLowerCase().startsWith(letter)) {
        return index;
      }
    }
    return null;
  }
}
