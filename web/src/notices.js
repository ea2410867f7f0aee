// SPDX-License-Identifier: Apache-2.0

/**
 * What the proxy tells a page beside the console's own bytes: JSON in text
 * messages, which no console has. No DOM in here.
 */

/** What a page offers: the proxy's own first, then what every proxy takes. */
export const PROTOCOLS = ['notices.console-api', 'binary'];

/**
 * Reads a message that may be a notice.
 *
 * @param {unknown} data what the message has
 * @returns {{draining: number | null} | null} null when it belongs to the
 *   console; ``draining`` is the seconds until the proxy ends the session,
 *   null when the notice is one that this page does not know
 */
export function readNotice(data) {
  if (typeof data !== 'string') {
    return null;
  }
  let said;
  try {
    said = JSON.parse(data);
  } catch {
    said = null;
  }
  const isKnown = said?.notice === 'draining'
    && Number.isFinite(said.seconds) && said.seconds >= 0;
  return {draining: isKnown ? said.seconds : null};
}
