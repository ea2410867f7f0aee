// SPDX-License-Identifier: Apache-2.0

/**
 * What every console page does, whatever its protocol.
 */

import {Console} from './console.js';
import {readLink} from './link.js';
import {Shell} from './shell.js';
import {translationFor} from './words.js';

/**
 * Reads the link, takes the token out of the address bar and connects.
 *
 * @param {Omit<import('./plug.js').Kind, 'isViewOnly'>} kind
 */
export function openPage(kind) {
  const link = readLink(
    window.location.href, document.cookie, kind.defaultPath);
  // First of all: nothing that fails later may leave the token in sight.
  window.history.replaceState(null, '', link.cleanHref);
  /** @type {Console | null} */
  let sessions = null;
  const {isViewOnly} = link;
  const shell = new Shell(
    link.title, {...kind, isViewOnly}, translationFor(link.language), {
      connect: () => sessions?.connect(),
      disconnect: () => sessions?.disconnect(),
    });
  if (link.socket === null) {
    shell.refused(link.refused ?? 'path');
    return;
  }
  sessions = new Console({url: link.socket, isViewOnly}, kind.load, shell);
  sessions.connect();
}
