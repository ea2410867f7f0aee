// SPDX-License-Identifier: Apache-2.0

/**
 * Names for the files that a page saves. No DOM in here.
 */

/**
 * @param {string} title what the console is called; foreign text
 * @param {Date} time
 * @param {string} extension
 * @returns {string} no path, no hidden file, plain characters only
 */
export function fileName(title, time, extension) {
  const stem = title.normalize('NFKC').replace(/[^\p{L}\p{N}._-]+/gu, '-')
    .replace(/^[-.]+|[-.]+$/g, '').slice(0, 60);
  const stamp = time.toISOString().slice(0, 19).replace(/:/g, '-');
  return `${stem || 'console'}-${stamp}.${extension}`;
}
