// SPDX-License-Identifier: Apache-2.0

/**
 * The dialog that types a text for the user and holds both clipboards.
 */

import {button, dialog, element} from './dom.js';
import {eventsOf, strokesOf} from './keys.js';
import {KEY_EVENTS, LONG_TEXT, PIECES, sizeOf, typeSlowly} from './typist.js';

/** @typedef {import('./plug.js').Client} Client */
/** @typedef {import('./words.js').Words} Words */

// So many characters go down a serial line at a time.
const PIECE = 64;

// So many different characters are named as ones that cannot be typed.
const MOST_LISTED = 12;

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

/**
 * @param {string[]} characters
 * @returns {string} each of them once
 */
function listOf(characters) {
  const shown = [...new Set(characters)].map((character) =>
    /\p{C}/u.test(character) ? codePointOf(character) : character);
  const most = shown.slice(0, MOST_LISTED).join(' ');
  return shown.length > MOST_LISTED ? `${most} ...` : most;
}

/** @param {string} character */
function codePointOf(character) {
  const point = character.codePointAt(0) ?? 0;
  return `U+${point.toString(16).toUpperCase().padStart(4, '0')}`;
}

/**
 * How a text is typed.
 *
 * @typedef {object} Plan
 * @property {{pieces: any[], send: (piece: any) => void, rate: number}} job
 * @property {number} all how many characters it has, or pieces
 * @property {(sent: number) => number} count how many of these have gone
 * @property {string[]} skipped the characters that cannot be typed
 * @property {(sent: number) => void} release lets go of the keys that are
 *   down after so many pieces
 */

/**
 * @param {string} text
 * @param {import('./plug.js').Picture} [picture]
 * @returns {Plan}
 */
function keyPlan(text, picture) {
  const {strokes, skipped} = strokesOf(
    text, picture?.typesEverything() ?? false);
  const pieces = eventsOf(strokes);
  return {
    job: {
      pieces,
      send: ({key, isDown}) => picture?.key(key, isDown),
      rate: KEY_EVENTS,
    },
    all: strokes.length,
    count: (sent) => sent > 0 ? pieces[sent - 1].typed : 0,
    skipped,
    release: (sent) => {
      const held = new Set();
      for (const {key, isDown} of pieces.slice(0, sent)) {
        if (isDown) {
          held.add(key);
        } else {
          held.delete(key);
        }
      }
      for (const key of held) {
        picture?.key(key, false);
      }
    },
  };
}

/**
 * @param {string} text
 * @param {import('./plug.js').Terminal} [terminal]
 * @returns {Plan}
 */
function linePlan(text, terminal) {
  const pieces = piecesOf(text);
  const all = Array.from(text).length;
  return {
    job: {pieces, send: (data) => terminal?.send(data), rate: PIECES},
    all,
    count: (sent) => Math.min(all, sent * PIECE),
    skipped: [],
    release: () => {},
  };
}

export class TextBox {
  #words;
  #hasScreen;
  #note;
  #dialog = dialog('text-dialog');
  #input = area('text-input');
  #warning = element('text-warning');
  #unable = element('text-unable');
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
    const {job, skipped} = this.#plan(text);
    this.#warning.textContent = words.long(
      sizeInWords(size), timeInWords(job.pieces.length / job.rate, words));
    this.#unable.hidden = skipped.length === 0;
    this.#unable.textContent = words.unable(listOf(skipped));
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
   * @returns {Promise<boolean>} whether all of it was sent
   */
  async #run(client) {
    const {text: words} = this.#words;
    const {job, all, count, skipped, release} = this.#plan(this.#input.value);
    const done = await typeSlowly({
      ...job,
      progress: (sent) => {
        this.#progress.textContent = words.progress(count(sent), all);
      },
      mayGoOn: () => this.#isTyping && client === this.#client,
    }, (milliseconds) => new Promise((wake) => {
      window.setTimeout(wake, milliseconds);
    }));
    const isWhole = done === job.pieces.length;
    if (!isWhole) {
      release(done);
    }
    const left = skipped.length > 0 ? ` ${words.skipped(skipped.length)}` : '';
    this.#progress.textContent = (isWhole ? words.typed : words.stopped)
      + left;
    return isWhole && skipped.length === 0;
  }

  /**
   * @param {string} text
   * @returns {Plan}
   */
  #plan(text) {
    return this.#hasScreen ? keyPlan(text, this.#client?.picture)
      : linePlan(text, this.#client?.terminal);
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
