// SPDX-License-Identifier: Apache-2.0

/**
 * The frame around a console: title, state in words, bar, end card.
 *
 * Foreign text (title, name of the guest) only ever becomes textContent.
 */

import {button, element, fillLabels} from './dom.js';
import {letterOf} from './keys.js';
import {plainLine} from './link.js';
import {reasonOf, waitReasonOf} from './reasons.js';
import {Toolbar} from './toolbar.js';

/** @typedef {import('./plug.js').Client} Client */
/** @typedef {import('./plug.js').Kind} Kind */
/** @typedef {import('./reasons.js').End} End */
/** @typedef {import('./words.js').Translation} Translation */
/** @typedef {import('./words/en.js').Notice} Notice */
/** @typedef {'connecting' | 'connected' | 'waiting' | 'ended' | 'refused'}
 *   State */

/**
 * @typedef {object} Asked
 * @property {() => void} connect the user asks for a session
 * @property {() => void} disconnect the user wants none
 */

// One who looks elsewhere shall still see it.
const DRAIN_SHOWN = 60_000;

export class Shell {
  screen = element('screen');
  words;
  #toolbar;
  #title = element('title');
  #guest = element('guest');
  #chip = element('chip-text');
  #state = element('state');
  #headline = element('headline');
  #detail = element('detail');
  #countdown = element('countdown');
  #notice = element('notice');
  #reconnect = button('reconnect');
  #stop = button('stop');
  /** @type {Client | null} */
  #client = null;
  #hasTitle = false;
  #isViewOnly;
  #ticker = 0;

  /**
   * @param {string} title what to call the console, may be empty
   * @param {Kind} kind
   * @param {Translation} translation
   * @param {Asked} asked
   */
  constructor(title, kind, {language, words}, asked) {
    this.words = words;
    this.#isViewOnly = kind.isViewOnly;
    document.documentElement.lang = language;
    fillLabels(words.labels);
    this.#toolbar = new Toolbar(words, kind, asked.disconnect);
    this.#toolbar.use(null);
    this.#hasTitle = title !== '';
    this.#showTitle(title);
    this.#reconnect.addEventListener('click', asked.connect);
    this.#stop.addEventListener('click', asked.disconnect);
    window.addEventListener('keydown', (event) => this.#onKey(event), true);
  }

  connecting() {
    if (this.#isWaiting) {
      this.#count(0);
    } else {
      this.#show('connecting', this.words.connecting);
    }
  }

  negotiating() {
    if (!this.#isWaiting) {
      this.#show('connecting', this.words.negotiating);
    }
  }

  /** @param {Client} client */
  connected(client) {
    const wasOurs = this.#mayTakeFocus();
    this.#client = client;
    const {connected, viewOnly} = this.words;
    this.#show('connected', this.#isViewOnly ? viewOnly : connected);
    if (wasOurs) {
      client.focus();
    }
  }

  /** @param {string} name */
  named(name) {
    const line = plainLine(name);
    if (this.#hasTitle) {
      // A dashboard's title often is the guest's own name: once is enough.
      const isNews = line !== this.#title.textContent;
      this.#guest.textContent = isNews ? line : '';
    } else {
      this.#showTitle(line);
    }
  }

  /** @param {string} text */
  copied(text) {
    this.#toolbar.copied(text);
  }

  /** @param {string} text */
  pasted(text) {
    this.#toolbar.pasted(text);
  }

  resized() {
    this.#toolbar.showSize();
  }

  /** @param {'dropped' | 'silentLine'} note */
  noted(note) {
    this.#toolbar.note(this.words.notes[note]);
  }

  /** @param {number} seconds */
  draining(seconds) {
    this.#toolbar.note(this.words.draining(seconds), DRAIN_SHOWN);
  }

  /**
   * @param {End} end
   * @param {number} seconds
   */
  waiting(end, seconds) {
    const wasOurs = this.#mayTakeFocus();
    const reason = waitReasonOf(end, this.words);
    // The same words again would only be read out again.
    if (!this.#isWaiting || this.#headline.textContent !== reason.headline) {
      this.#show('waiting', reason);
    }
    this.#state.dataset.code = String(end.code);
    this.#stop.hidden = false;
    this.#reconnect.hidden = false;
    this.#count(Math.ceil(seconds));
    if (wasOurs) {
      this.#notice.focus();
    }
  }

  /** @param {End} end */
  ended(end) {
    const wasOurs = this.#mayTakeFocus();
    const reason = reasonOf(end, this.words);
    this.#show('ended', reason);
    if (end.code !== null) {
      this.#state.dataset.code = String(end.code);
    }
    this.#reconnect.hidden = !reason.retry;
    if (wasOurs) {
      this.#notice.focus();
    }
  }

  /** @param {'token' | 'path'} why */
  refused(why) {
    this.#show('refused', this.words.refusals[why]);
  }

  get #isWaiting() {
    return this.#state.dataset.state === 'waiting';
  }

  /** @param {string} title */
  #showTitle(title) {
    const {console} = this.words.labels;
    this.#title.textContent = title || console;
    document.title = title ? `${title} - ${console}` : console;
  }

  /**
   * @param {State} state
   * @param {Notice} words
   */
  #show(state, words) {
    if (state !== 'connected') {
      this.#client = null;
    }
    window.clearInterval(this.#ticker);
    this.#countdown.textContent = '';
    document.body.dataset.state = state;
    this.#state.dataset.state = state;
    delete this.#state.dataset.code;
    this.#chip.textContent = this.#isViewOnly && state === 'connected'
      ? this.words.chips.viewOnly : this.words.chips[state];
    this.#headline.textContent = words.headline;
    this.#detail.textContent = words.detail;
    this.#reconnect.hidden = true;
    this.#stop.hidden = true;
    this.#toolbar.use(this.#client);
  }

  /** @param {number} seconds */
  #count(seconds) {
    window.clearInterval(this.#ticker);
    let left = seconds;
    const show = () => {
      this.#countdown.textContent = this.words.countdown(left);
      left = Math.max(0, left - 1);
    };
    show();
    this.#ticker = window.setInterval(show, 1000);
  }

  /**
   * In a frame the focus belongs to the page around it, until the user comes
   * in; anywhere, a control that the user is on keeps it.
   */
  #mayTakeFocus() {
    const active = document.activeElement;
    const isFree = active === null || active === document.body
      || this.screen.contains(active) || this.#notice.contains(active);
    return isFree && (window.self === window.top || document.hasFocus());
  }

  /**
   * The screen takes every key, Tab too; this one combination gets out.
   *
   * @param {KeyboardEvent} event
   */
  #onKey(event) {
    const isOnScreen = this.screen.contains(document.activeElement);
    const isLeave = event.ctrlKey && event.altKey && event.shiftKey
      && letterOf(event) === 'b';
    if (isLeave && isOnScreen) {
      event.preventDefault();
      event.stopImmediatePropagation();
      this.#client?.releaseKeys();
      this.#toolbar.focus();
    }
  }
}
