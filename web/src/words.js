// SPDX-License-Identifier: Apache-2.0

/**
 * The words of the pages in the language that a dashboard asks for.
 */

import {en} from './words/en.js';

/** @typedef {import('./words/en.js').Words} Words */
/** @typedef {{language: string, words: Words}} Translation */

/** @type {Map<string, Words>} */
const TRANSLATIONS = new Map([['en', en]]);

/**
 * Finds the words for a language tag.
 *
 * @param {string} tag such as `de` or `de-AT`; foreign text
 * @returns {Translation} English where there is no translation, so that the
 *   language that the page declares is the one it is written in
 */
export function translationFor(tag) {
  const language = tag.toLowerCase().split(/[-_]/)[0];
  const words = TRANSLATIONS.get(language);
  return words === undefined ? {language: 'en', words: en}
    : {language, words};
}
