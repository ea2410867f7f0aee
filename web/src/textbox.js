// SPDX-License-Identifier: Apache-2.0

/**
 * The dialog that types a text for the user and holds both clipboards.
 */

import {button, dialog, element} from './dom.js';
import {strokesOf} from './keys.js';
import {LONG_TEXT, RATE, sizeOf, typeSlowly} from './typist.js';

/** @typedef {import('./plug.js').Client} Client */
/** @typedef {import('./words.js').Words} Words */

// So many characters go down a serial line at a time.
const PIECE = 64;

/** @param {string} id */
function area(id) {
  return /** @type {HTMLTextAreaElement} */ (element(id));
}

/**
 * @param {number} seconds
 * @param {Words['text']} words
 */
function timeInWords(seconds, words) {
  const minutes = Math.round(seconds / 60);
  return minutes > 1
    ? words.minutes(minutes) : words.seconds(Math.max(1, Math.ceil(seconds)));
}

/** @param {number} bytes */
function sizeInWords(bytes) {
  const units = new Intl.NumberFormat(
    document.documentElement.lang, {maximumFractionDigits: 1});
  return `${units.format(bytes / 1024)} KiB`;
}

/**
 * @param {string} text
 * @returns {string[]} in pieces, no character cut
 */
function piecesOf(text) {
  const characters = Array.from(text.replace(/\r\n?|\n/g, '\r'));
  const pieces = [];
  for (let at = 0; at < characters.length; at += PIECE) {
    pieces.push(characters.slice(at, at + PIECE).join(''));
  }
  return pieces;
}

export class TextBox {
  #words;
  #hasScreen;
  #note;
  #dialog = dialog('text-dialog');
  #input = area('text-input');
  #warning = element('text-warning');
  #progress = element('text-progress');
  #type = button('text-type');
  #stop = button('text-stop');
  #toClipboard = button('text-to-clipboard');
  #fromServer = area('text-from-server');
  #copy = button('text-copy');
  #share = /** @type {HTMLInputElement} */ (element('text-share'));
  /** @type {Client | null} */
  #client = null;
  #isTyping = false;
  #lastShared = '';

  /**
   * @param {Words} words
   * @param {{hasScreen: boolean, hasClipboard: boolean}} kind
   * @param {(text: string) => void} note shows a short note
   */
  constructor(words, kind, note) {
    this.#words = words;
    this.#hasScreen = kind.hasScreen;
    this.#note = note;
    element('text-layout').textContent = kind.hasScreen
      ? words.text.layout : words.text.serial;
    if (!kind.hasClipboard) {
      element('text-heading').textContent = words.labels.textOnlyHeading;
    }
    element('text-clipboard').hidden = !kind.hasClipboard;
    this.#toClipboard.hidden = !kind.hasClipboard;
    element('text-sharing').hidden = !navigator.clipboard;
    this.#stop.hidden = true;
    this.#input.addEventListener('input', () => this.#update());
    this.#type.addEventListener('click', () => this.#typeText());
    this.#stop.addEventListener('click', () => this.#stopTyping());
    this.#copy.addEventListener('click', () => this.#copyFromServer());
    this.#toClipboard.addEventListener('click', () => this.#sendClipboard());
    // It must not go on out of sight.
    this.#dialog.addEventListener('close', () => this.#stopTyping());
    window.addEventListener('focus', () => this.#shareOwn());
  }

  /** @param {Client | null} client */
  use(client) {
    this.#client = client;
    this.#isTyping &&= client !== null;
    this.#update();
  }

  /** @param {string} [text] what is to be typed */
  open(text) {
    if (text !== undefined) {
      this.#input.value = text;
    }
    this.#progress.textContent = '';
    this.#update();
    this.#dialog.showModal();
    this.#input.focus();
  }

  /** @param {string} text what the guest has copied; foreign text */
  received(text) {
    this.#fromServer.value = text;
    this.#update();
    if (this.#share.checked && document.hasFocus()) {
      this.#lastShared = text;
      navigator.clipboard.writeText(text).then(
        () => this.#note(this.#words.notes.fromServer), () => {});
    }
  }

  /** Who comes back to the page may have copied something elsewhere. */
  async #shareOwn() {
    if (!this.#share.checked || !this.#client?.setClipboard) {
      return;
    }
    try {
      const text = await navigator.clipboard.readText();
      if (text !== '' && text !== this.#lastShared) {
        this.#lastShared = text;
        this.#client?.setClipboard?.(text);
      }
    } catch {
      this.#share.checked = false;
    }
  }

  #update() {
    const text = this.#input.value;
    const size = sizeOf(text);
    const {text: words} = this.#words;
    this.#warning.hidden = size <= LONG_TEXT;
    const each = this.#hasScreen ? 1 : PIECE;
    this.#warning.textContent = words.long(
      sizeInWords(size), timeInWords(text.length / each / RATE, words));
    const isIdle = this.#client !== null && !this.#isTyping && text !== '';
    this.#type.disabled = !isIdle;
    this.#toClipboard.disabled = !isIdle;
    this.#stop.hidden = !this.#isTyping;
    this.#type.hidden = this.#isTyping;
    const isEmpty = this.#fromServer.value === '';
    this.#fromServer.hidden = isEmpty;
    this.#copy.hidden = isEmpty;
    element('text-nothing').hidden = !isEmpty;
  }

  async #typeText() {
    const client = this.#client;
    if (client === null || this.#isTyping) {
      return;
    }
    this.#isTyping = true;
    this.#update();
    this.#stop.focus();
    const hasFinished = await this.#run(client);
    const wasOnStop = document.activeElement === this.#stop
      || document.activeElement === document.body;
    this.#isTyping = false;
    this.#update();
    if (this.#dialog.open && wasOnStop) {
      this.#input.focus();
    }
    if (hasFinished) {
      this.#input.value = '';
      this.#update();
    }
  }

  /**
   * @param {Client} client
   * @returns {Promise<boolean>} whether everything was typed
   */
  async #run(client) {
    const {text: words} = this.#words;
    const {pieces, send, skipped} = this.#plan(client);
    const done = await typeSlowly({
      pieces,
      send,
      progress: (count) => {
        this.#progress.textContent = words.progress(count, pieces.length);
      },
      mayGoOn: () => this.#isTyping && client === this.#client,
    }, (milliseconds) => new Promise((wake) => {
      window.setTimeout(wake, milliseconds);
    }));
    const isWhole = done === pieces.length;
    const left = skipped > 0 ? ` ${words.skipped(skipped)}` : '';
    this.#progress.textContent = (isWhole ? words.typed : words.stopped)
      + left;
    return isWhole && skipped === 0;
  }

  /**
   * @param {Client} client
   * @returns {{pieces: any[], send: (piece: any) => void, skipped: number}}
   */
  #plan(client) {
    const {picture, terminal} = client;
    if (picture) {
      const {strokes, skipped} = strokesOf(
        this.#input.value, picture.typesEverything);
      return {pieces: strokes, send: (key) => picture.type(key), skipped};
    }
    return {
      pieces: piecesOf(this.#input.value),
      send: (data) => terminal?.send(data),
      skipped: 0,
    };
  }

  #stopTyping() {
    this.#isTyping = false;
  }

  #sendClipboard() {
    this.#client?.setClipboard?.(this.#input.value);
    this.#progress.textContent = this.#words.notes.toServer;
  }

  async #copyFromServer() {
    const {notes} = this.#words;
    try {
      await navigator.clipboard.writeText(this.#fromServer.value);
      this.#progress.textContent = notes.copied;
    } catch {
      this.#fromServer.select();
      this.#progress.textContent = document.execCommand('copy')
        ? notes.copied : notes.notCopied;
    }
  }
}
