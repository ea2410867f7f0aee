// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict';
import {test} from 'node:test';

import {paddedTicket, TICKET_SIZE} from '../src/ticket.js';

test('a number with zeros in front keeps its place in the ticket', () => {
  const short = new Array(TICKET_SIZE - 2).fill(7);
  assert.deepEqual(paddedTicket(short), [0, 0, ...short]);
});

test('a whole ticket is sent as it is', () => {
  const whole = new Array(TICKET_SIZE).fill(255);
  assert.deepEqual(paddedTicket(whole), whole);
});
