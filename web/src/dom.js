// SPDX-License-Identifier: Apache-2.0

/**
 * Finding and making the elements of a page. Text only becomes textContent.
 */

/**
 * @param {string} id
 * @returns {HTMLElement}
 */
export function element(id) {
  const found = document.getElementById(id);
  if (found === null) {
    throw new Error(`The page has no element ${id}`);
  }
  return found;
}

/**
 * @param {string} id
 * @returns {HTMLButtonElement}
 */
export function button(id) {
  return /** @type {HTMLButtonElement} */ (element(id));
}

/**
 * @param {string} id
 * @returns {HTMLDialogElement}
 */
export function dialog(id) {
  return /** @type {HTMLDialogElement} */ (element(id));
}

/**
 * @template {keyof HTMLElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {string} className
 * @param {string} [text]
 * @returns {HTMLElementTagNameMap[Tag]}
 */
export function make(tag, className, text) {
  const made = document.createElement(tag);
  made.className = className;
  if (text !== undefined) {
    made.textContent = text;
  }
  return made;
}

/**
 * Puts the words into the elements that ask for them.
 *
 * @param {Record<string, unknown>} words
 */
export function fillLabels(words) {
  for (const item of document.querySelectorAll('[data-text]')) {
    item.textContent = String(words[item.getAttribute('data-text') ?? '']);
  }
  for (const item of document.querySelectorAll('[data-label]')) {
    const label = String(words[item.getAttribute('data-label') ?? '']);
    item.setAttribute('aria-label', label);
    item.setAttribute('title', label);
  }
}

/**
 * Gives the user a file.
 *
 * @param {Blob} content
 * @param {string} name
 */
export function download(content, name) {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(content);
  link.download = name;
  link.click();
  // The browser has taken hold of it once the click was handled.
  setTimeout(() => URL.revokeObjectURL(link.href), 60000);
}
