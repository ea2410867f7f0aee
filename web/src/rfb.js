// SPDX-License-Identifier: Apache-2.0

/**
 * The plug for VNC: noVNC on a WebSocket that the frame watches.
 */

import RFB from '@novnc/novnc';

/** @typedef {import('./keys.js').Key} Key */
/** @typedef {import('./plug.js').Picture} Picture */
/** @typedef {import('./plug.js').Report} Report */

/**
 * @param {HTMLElement} screen
 * @param {string} label
 */
function describeCanvas(screen, label) {
  const canvas = screen.querySelector('canvas');
  if (canvas === null) {
    return;
  }
  // noVNC leaves it out of the tab order; the keyboard must get there, and a
  // screen reader must hand the keys through.
  canvas.tabIndex = 0;
  canvas.setAttribute('role', 'application');
  canvas.setAttribute('aria-label', label);
  canvas.setAttribute('aria-describedby', 'leave-hint');
}

/**
 * @param {RFB} rfb
 * @param {Report} report
 */
function listen(rfb, report) {
  rfb.addEventListener('connect', () => report.ready());
  rfb.addEventListener('desktopname', (event) => {
    const {detail} = /** @type {CustomEvent<{name: string}>} */ (event);
    report.named(detail.name);
  });
  rfb.addEventListener('clipboard', (event) => {
    const {detail} = /** @type {CustomEvent<{text: string}>} */ (event);
    report.copied(detail.text);
  });
  rfb.addEventListener('credentialsrequired', () => {
    report.failed('password');
  });
  rfb.addEventListener('disconnect', () => report.failed('unreadable'));
}

/**
 * @param {RFB} rfb
 * @param {Key[]} keys
 */
function press(rfb, keys) {
  for (const {keysym, code} of keys) {
    rfb.sendKey(keysym, code, true);
  }
  for (const {keysym, code} of [...keys].reverse()) {
    rfb.sendKey(keysym, code, false);
  }
}

/**
 * @param {any} rfb noVNC says it nowhere in public; a test of the page with
 *   QEMU holds it to this name
 * @returns {boolean} whether the server takes QEMU's extended key events
 */
function takesPlaces(rfb) {
  return rfb._qemuExtKeyEventSupported;
}

/**
 * @param {RFB} rfb
 * @returns {Picture}
 */
function pictureOf(rfb) {
  return {
    // A server that takes places of keys, as QEMU's does, knows no others.
    typesEverything: () => !takesPlaces(rfb),
    key: ({keysym, code}, isDown) => rfb.sendKey(keysym, code, isDown),
    scale: (isScaled) => {
      rfb.scaleViewport = isScaled;
    },
    save: () => new Promise((resolve) => {
      rfb.toBlob(resolve, 'image/png');
    }),
  };
}

/** @type {import('./plug.js').Plug} */
export function openRfb(connection, screen, report, words) {
  const socket = new WebSocket(connection.url, connection.protocols);
  connection.watch(socket);
  const rfb = new RFB(screen, socket);
  rfb.viewOnly = connection.isViewOnly;
  rfb.background = 'transparent';
  rfb.scaleViewport = true;
  // A guest without a pointer of its own would leave the user with none.
  rfb.showDotCursor = true;
  describeCanvas(screen, words.labels.screen);
  listen(rfb, report);
  return {
    picture: pictureOf(rfb),
    focus: () => rfb.focus({preventScroll: true}),
    // noVNC lifts all keys when the window loses the focus, and offers no
    // other way to ask for it.
    releaseKeys: () => window.dispatchEvent(new Event('blur')),
    press: (keys) => press(rfb, keys),
    setClipboard: (text) => rfb.clipboardPasteFrom(text),
    close: () => rfb.disconnect(),
  };
}
