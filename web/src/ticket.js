// SPDX-License-Identifier: Apache-2.0

/**
 * The ticket that opens a channel of SPICE. No DOM in here.
 */

/** Bytes of a ticket: it is encrypted with a key of 1024 bits. */
export const TICKET_SIZE = 128;

/**
 * @param {number[]} ticket the encrypted number, the highest byte first
 * @returns {number[]} the same with zeros in front, as long as SPICE has it
 */
export function paddedTicket(ticket) {
  const missing = Math.max(0, TICKET_SIZE - ticket.length);
  return [...new Array(missing).fill(0), ...ticket];
}
