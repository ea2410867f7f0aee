// SPDX-License-Identifier: Apache-2.0

/**
 * The entry of index.html: lists the servers and opens their consoles.
 *
 * Names, states and messages are foreign text and only become textContent.
 */

import {button, dialog, element, fillLabels, make} from './dom.js';
import {addressOf, ApiError, FrontApi} from './frontapi.js';
import {plainLine} from './link.js';
import {translationFor} from './words.js';

/** @typedef {import('./frontapi.js').Server} Server */

const PAUSE = 4000;

const query = new URLSearchParams(window.location.search);
const {language, words: {front: words}} =
  translationFor(query.get('language') ?? '');

/** @param {unknown} error */
function messageOf(error) {
  return error instanceof ApiError ? error.message : words.unreadable;
}

/** The dialog with the console log of one server. */
class LogDialog {
  #api;
  #dialog = dialog('log-dialog');
  #text = element('log-text');
  /** @type {Server | null} */
  #server = null;

  /** @param {FrontApi} api */
  constructor(api) {
    this.#api = api;
    button('log-again').addEventListener('click', () => this.#read());
    button('log-close').addEventListener('click', () => this.#dialog.close());
  }

  /** @param {Server} server */
  open(server) {
    this.#server = server;
    element('log-heading').textContent =
      words.logLabel(plainLine(server.name));
    this.#text.textContent = words.logLoading;
    this.#dialog.showModal();
    this.#text.focus();
    this.#read();
  }

  async #read() {
    const server = this.#server;
    if (server === null) {
      return;
    }
    let text;
    try {
      text = await this.#api.log(server.id) || words.logEmpty;
    } catch (error) {
      text = messageOf(error);
    }
    // The answer may come after another server's log was asked for.
    if (this.#server === server) {
      this.#text.textContent = text;
      this.#text.scrollTop = this.#text.scrollHeight;
    }
  }
}

/** One server in the list. */
class Row {
  #api;
  #log;
  #server;
  #message = make('p', 'message');
  element = make('tr', '');

  /**
   * @param {Server} server
   * @param {FrontApi} api
   * @param {LogDialog} log
   */
  constructor(server, api, log) {
    this.#api = api;
    this.#log = log;
    this.#server = server;
    this.#message.setAttribute('role', 'status');
    this.#draw();
  }

  /** @param {Server} server what is known now; redrawn only when it differs */
  update(server) {
    if (JSON.stringify(server) !== JSON.stringify(this.#server)) {
      const focused = document.activeElement;
      const type = focused instanceof HTMLElement
        && this.element.contains(focused) ? focused.dataset.type : undefined;
      this.#server = server;
      this.#draw();
      if (type !== undefined) {
        /** @type {HTMLElement | null} */ (
          this.element.querySelector(`[data-type="${type}"]`))?.focus();
      }
    }
  }

  #draw() {
    const {id, name, status, consoles} = this.#server;
    this.element.dataset.id = id;
    const names = make('td', '');
    names.append(
      make('bdi', 'name', plainLine(name)), make('span', 'id', id));
    const state = make('span', 'status', plainLine(status));
    state.dataset.status = status;
    const states = make('td', '');
    states.append(state);
    const actions = make('div', 'consoles');
    actions.append(...consoles.map((type) => this.#consoleButton(type)));
    if (consoles.length === 0) {
      actions.append(make('span', 'quiet none', words.none));
    }
    actions.append(this.#logButton(), this.#message);
    const last = make('td', '');
    last.append(actions);
    this.element.replaceChildren(names, states, last);
  }

  /** @param {string} type */
  #consoleButton(type) {
    const label = words.types[type] ?? type;
    const made = make('button', 'open', label);
    made.type = 'button';
    made.dataset.type = type;
    made.setAttribute(
      'aria-label', words.openLabel(label, plainLine(this.#server.name)));
    made.addEventListener('click', () => {
      if (type === 'spice-direct') {
        this.#download(type);
      } else {
        this.#open(type);
      }
    });
    return made;
  }

  #logButton() {
    const made = make('button', 'log', words.log);
    made.type = 'button';
    made.dataset.type = 'log';
    made.setAttribute(
      'aria-label', words.logLabel(plainLine(this.#server.name)));
    made.addEventListener('click', () => this.#log.open(this.#server));
    return made;
  }

  /** @param {string} type */
  async #address(type) {
    const {id, name} = this.#server;
    const address = addressOf(
      await this.#api.console(id, type), plainLine(name));
    if (address === null) {
      throw new ApiError(words.unreadable, false);
    }
    return new URL(address, window.location.href).href;
  }

  /** @param {string} type */
  async #open(type) {
    this.#message.textContent = '';
    // Opened at once: a browser lets a page open a tab only upon a click.
    const tab = window.open('about:blank', '_blank');
    try {
      const address = await this.#address(type);
      if (tab === null) {
        const link = make('a', '', words.openLink);
        link.href = address;
        link.target = '_blank';
        link.rel = 'noopener noreferrer';
        this.#message.append(words.popup, ' ', link);
      } else {
        tab.opener = null;
        tab.location.replace(address);
      }
    } catch (error) {
      tab?.close();
      this.#message.textContent = messageOf(error);
    }
  }

  /** @param {string} type */
  async #download(type) {
    this.#message.textContent = '';
    try {
      const link = document.createElement('a');
      link.href = await this.#address(type);
      link.download = '';
      link.click();
    } catch (error) {
      this.#message.textContent = messageOf(error);
    }
  }
}

/** The list, read again and again while somebody looks. */
class List {
  #api;
  #log;
  #body = element('rows');
  #nothing = element('nothing');
  #trouble = element('trouble');
  /** @type {Map<string, Row>} */
  #rows = new Map();
  #hasList = false;
  #isReading = false;
  #timer = 0;

  /** @param {FrontApi} api */
  constructor(api) {
    this.#api = api;
    this.#log = new LogDialog(api);
    this.#say('loading', words.loading, '');
    button('refresh').addEventListener('click', () => this.read());
    document.addEventListener('visibilitychange', () => {
      if (!document.hidden) {
        this.read();
      }
    });
  }

  async read() {
    if (this.#isReading) {
      return;
    }
    this.#isReading = true;
    window.clearTimeout(this.#timer);
    try {
      this.#show(await this.#api.servers());
    } catch (error) {
      this.#fail(error);
    }
    this.#isReading = false;
    if (!document.hidden) {
      this.#timer = window.setTimeout(() => this.read(), PAUSE);
    }
  }

  /** @param {Server[]} servers */
  #show(servers) {
    this.#hasList = true;
    this.#trouble.hidden = true;
    const ids = new Set(servers.map(({id}) => id));
    for (const [id, row] of this.#rows) {
      if (!ids.has(id)) {
        row.element.remove();
        this.#rows.delete(id);
      }
    }
    servers.forEach((server, index) => this.#place(server, index));
    element('servers').hidden = servers.length === 0;
    element('count').textContent = words.count(servers.length);
    this.#nothing.hidden = servers.length > 0;
    this.#say('empty', words.empty, words.emptyDetail);
  }

  /**
   * @param {Server} server
   * @param {number} index
   */
  #place(server, index) {
    let row = this.#rows.get(server.id);
    if (row === undefined) {
      row = new Row(server, this.#api, this.#log);
      this.#rows.set(server.id, row);
    } else {
      row.update(server);
    }
    // Moving an element takes the focus off it.
    if (this.#body.children[index] !== row.element) {
      this.#body.insertBefore(row.element, this.#body.children[index] ?? null);
    }
  }

  /** @param {unknown} error */
  #fail(error) {
    const isGone = error instanceof ApiError && error.isGone;
    if (this.#hasList) {
      this.#trouble.hidden = false;
      this.#trouble.textContent = isGone ? words.stale : messageOf(error);
      return;
    }
    this.#nothing.hidden = false;
    if (isGone) {
      this.#say('gone', words.gone, words.goneDetail);
    } else {
      this.#say('failed', words.failed, messageOf(error));
    }
  }

  /**
   * @param {string} state
   * @param {string} headline
   * @param {string} detail
   */
  #say(state, headline, detail) {
    this.#nothing.dataset.state = state;
    const shown = element('nothing-headline');
    // The same words again would only be read out again.
    if (shown.textContent !== headline) {
      shown.textContent = headline;
    }
    element('nothing-detail').textContent = detail;
  }
}

document.documentElement.lang = language;
document.title = words.title;
fillLabels(words);
new List(new FrontApi((url, init) => fetch(url, init), words)).read();
