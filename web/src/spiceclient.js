// SPDX-License-Identifier: Apache-2.0

/**
 * The plug for SPICE: spice-html5, with the frame's own keyboard, pointer
 * and sockets.
 *
 * spice-html5 maps characters to keys and alerts about those it does not
 * know, takes the focus whenever it likes, and keeps close codes to itself.
 */

import {SpiceMainConn} from '@spice-project/spice-html5/src/main.js';
import {SpiceConn} from '@spice-project/spice-html5/src/spiceconn.js';

import {make} from './dom.js';
import {SpiceInput} from './spiceinput.js';
import {guardSockets} from './spicesockets.js';
import {paddedTicket} from './ticket.js';

/** @typedef {import('./plug.js').Picture} Picture */

// spice-html5 looks this element up by its id.
const SCREEN_ID = 'spice-screen';

// It would write the address with the token to the browser's log.
SpiceConn.prototype.log_info = () => {};
// It leaves out the zeros that one in 256 tickets begins with, and the server
// then refuses the channel.
const sendTicket = /** @type {(ticket: number[]) => void} */ (
  SpiceConn.prototype.send_ticket);
SpiceConn.prototype.send_ticket = function(/** @type {number[]} */ ticket) {
  sendTicket.call(this, paddedTicket(ticket));
};
// The page's policy lets no sound or video in, so that spice-html5 must not
// tell the server that it takes them.
Reflect.deleteProperty(window, 'MediaSource');

/** @param {HTMLElement} place */
function primaryOf(place) {
  return /** @type {HTMLCanvasElement | null} */ (
    place.querySelector('#spice_surface_0') ?? place.querySelector('canvas'));
}

/**
 * Keeps the guest's screen in its place, whatever its size.
 *
 * @param {HTMLElement} screen
 * @param {HTMLElement} place
 */
function layOut(screen, place) {
  let isScaled = true;
  const update = () => {
    const canvas = primaryOf(place);
    if (canvas === null) {
      return;
    }
    const {clientWidth, clientHeight} = screen;
    const factor = isScaled ? Math.min(
      clientWidth / canvas.width, clientHeight / canvas.height) : 1;
    const width = canvas.width * factor;
    const height = canvas.height * factor;
    // A transformation, because spice-html5 reads positions in the canvas.
    place.style.transform = `scale(${factor})`;
    place.style.width = `${canvas.width}px`;
    place.style.height = `${canvas.height}px`;
    place.style.left = `${Math.max(0, (clientWidth - width) / 2)}px`;
    place.style.top = `${Math.max(0, (clientHeight - height) / 2)}px`;
    screen.classList.toggle('scrolls', !isScaled);
  };
  const resized = new ResizeObserver(update);
  resized.observe(screen);
  return {
    update,
    stop: () => resized.disconnect(),
    scale: (/** @type {boolean} */ wanted) => {
      isScaled = wanted;
      update();
    },
  };
}

/**
 * Not the canvas: a guest that changes its screen mode gets a new one, and
 * the keyboard must stay where it is.
 *
 * @param {HTMLElement} place
 * @param {string} label
 */
function describe(place, label) {
  place.tabIndex = 0;
  place.setAttribute('role', 'application');
  place.setAttribute('aria-label', label);
  place.setAttribute('aria-describedby', 'leave-hint');
}

/** @type {import('./plug.js').Plug} */
export function openSpice(connection, screen, report, words) {
  const place = make('div', 'spice-place');
  place.id = SCREEN_ID;
  describe(place, words.labels.screen);
  screen.replaceChildren(place);
  const layout = layOut(screen, place);
  const input = new SpiceInput(place);
  const release = guardSockets({
    url: connection.url,
    protocols: connection.protocols,
    watch: (socket) => connection.watch(socket),
    failed: (error) => {
      console.error(error);
      report.failed('unreadable');
    },
  });
  /** @type {SpiceMainConn | null} */
  let main = null;
  let isReady = false;
  // The first picture is what one calls connected.
  const drawn = new MutationObserver(() => {
    if (primaryOf(place) !== null) {
      layout.update();
      if (!isReady) {
        isReady = true;
        report.ready();
      }
    }
  });
  drawn.observe(place, {childList: true});
  const close = () => {
    drawn.disconnect();
    layout.stop();
    input.stop();
    main?.stop();
    release();
    place.remove();
  };
  main = new SpiceMainConn({
    uri: connection.url.href,
    password: '',
    screen_id: SCREEN_ID,
    onerror: (/** @type {unknown} */ error) => {
      report.failed(isPassword(error) ? 'password' : 'unreadable');
    },
  });
  input.use(main);
  return {
    picture: pictureOf(place, input, layout.scale),
    focus: () => place.focus({preventScroll: true}),
    releaseKeys: () => input.releaseKeys(),
    press: (keys) => input.press(keys),
    close,
  };
}

/** @param {unknown} error */
function isPassword(error) {
  return error instanceof Error && error.message === 'Permission denied.';
}

/**
 * @param {HTMLElement} place
 * @param {SpiceInput} input
 * @param {(isScaled: boolean) => void} scale
 * @returns {Picture}
 */
function pictureOf(place, input, scale) {
  return {
    typesEverything: () => false,
    key: (key, isDown) => input.key(key, isDown),
    scale,
    save: () => new Promise((resolve) => {
      const canvas = primaryOf(place);
      if (canvas === null) {
        resolve(null);
      } else {
        canvas.toBlob(resolve, 'image/png');
      }
    }),
  };
}
