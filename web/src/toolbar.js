// SPDX-License-Identifier: Apache-2.0

/**
 * The bar of a console page: its menus, and what they do with the client.
 */

import {keyEntries, moreEntries} from './commands.js';
import {button, dialog, download, element, make} from './dom.js';
import {fileName} from './filename.js';
import {Finder} from './finder.js';
import {ALT, CONTROL, DELETE} from './keys.js';
import {Menu} from './menu.js';
import {TextBox} from './textbox.js';
import {TouchKeyboard} from './touch.js';
import {LONG_TEXT, sizeOf} from './typist.js';

/** @typedef {import('./plug.js').Client} Client */
/** @typedef {import('./plug.js').Kind} Kind */
/** @typedef {import('./words.js').Words} Words */

const NOTE_SHOWN = 5000;

/**
 * @param {MouseEvent} event a click
 * @returns {boolean} whether a finger made it, which may have slipped
 */
function isTouch(event) {
  return event instanceof PointerEvent && event.pointerType === 'touch';
}

export class Toolbar {
  words;
  #kind;
  #disconnect;
  #ctrlAltDel = button('send-ctrl-alt-del');
  #fullscreen = button('fullscreen');
  #touch = button('touch');
  #note = element('note');
  #noteTimer = 0;
  /** @type {Client | null} */
  #client = null;
  /** @type {Client | null} */
  #last = null;
  #isScaled = true;
  #readsOut = false;
  #keyMenu;
  #moreMenu;
  #textBox;
  #finder;
  #touchKeyboard;

  /**
   * @param {Words} words
   * @param {Kind} kind
   * @param {() => void} disconnect
   */
  constructor(words, kind, disconnect) {
    this.words = words;
    this.#kind = kind;
    this.#disconnect = disconnect;
    this.#keyMenu = new Menu(
      button('keys'), element('keys-menu'), keyEntries(this, kind.hasScreen));
    this.#moreMenu = new Menu(
      button('more'), element('more-menu'), moreEntries(this, kind));
    this.#textBox = new TextBox(words, kind, (text) => this.note(text));
    this.#finder = new Finder(
      () => this.#last?.terminal ?? null, () => this.#client?.focus());
    this.#touchKeyboard = new TouchKeyboard(() => this.#client);
    this.#setUpButtons();
    this.#setUpFullscreen();
    this.#setUpDialogs();
  }

  /** @param {Client | null} client what the bar acts on; null: nothing */
  use(client) {
    this.#client = client;
    this.#last = client ?? this.#last;
    const isConnected = client !== null;
    this.#ctrlAltDel.disabled = !isConnected;
    this.#touch.disabled = !isConnected;
    this.#keyMenu.enable(isConnected);
    this.#moreMenu.enable(isConnected);
    this.#textBox.use(client);
    client?.picture?.scale(this.#isScaled);
    client?.terminal?.readOut(this.#readsOut);
    this.showSize();
  }

  /**
   * Shows a short note for a moment.
   *
   * @param {string} text
   * @param {number} [shown] for so many milliseconds
   */
  note(text, shown = NOTE_SHOWN) {
    this.#note.textContent = text;
    window.clearTimeout(this.#noteTimer);
    this.#noteTimer = window.setTimeout(() => {
      this.#note.textContent = '';
    }, shown);
  }

  /** @param {string} text what the guest has copied */
  copied(text) {
    this.#textBox.received(text);
  }

  /** @param {string} text what the user pastes */
  pasted(text) {
    if (sizeOf(text) > LONG_TEXT) {
      this.#textBox.open(text);
    } else {
      this.#client?.terminal?.paste(text);
    }
  }

  /** Puts the keyboard where one who leaves the screen can go on. */
  focus() {
    // Never on Ctrl+Alt+Del: whoever goes on typing would restart a server.
    button(this.#kind.isViewOnly ? 'more' : 'keys').focus();
  }

  /** @param {(client: Client) => void} act */
  onClient = (act) => (/** @type {MouseEvent} */ event) => {
    if (this.#client !== null) {
      act(this.#client);
      this.#backToScreen(event);
    }
  };

  openText = () => this.#textBox.open();
  openHelp = () => dialog('help-dialog').showModal();
  openFind = () => this.#finder.open();
  disconnect = () => this.#disconnect();

  openTouchKeyboard = () => {
    if (this.#kind.hasScreen) {
      this.#touchKeyboard.open();
    } else {
      this.#client?.focus();
    }
  };

  toggleScale = () => {
    this.#isScaled = !this.#isScaled;
    this.#moreMenu.check('scale', this.#isScaled);
    this.#client?.picture?.scale(this.#isScaled);
  };

  toggleReadOut = () => {
    this.#readsOut = !this.#readsOut;
    this.#moreMenu.check('read-out', this.#readsOut);
    this.#client?.terminal?.readOut(this.#readsOut);
  };

  save = async () => {
    const {notes} = this.words;
    const title = element('title').textContent ?? '';
    const time = new Date();
    const text = this.#last?.terminal?.text();
    const picture = await this.#client?.picture?.save();
    if (text) {
      const kind = 'text/plain;charset=utf-8';
      download(new Blob([text], {type: kind}), fileName(title, time, 'txt'));
    } else if (picture) {
      download(picture, fileName(title, time, 'png'));
    }
    this.note(text || picture ? notes.saved : notes.notSaved);
  };

  copy = async () => {
    const {notes} = this.words;
    const text = this.#last?.terminal?.selection() ?? '';
    if (text === '') {
      this.note(notes.nothingSelected);
      return;
    }
    try {
      await navigator.clipboard.writeText(text);
      this.note(notes.copied);
    } catch {
      // Without TLS there is no such interface, but the older way is left.
      this.#client?.focus();
      this.note(document.execCommand('copy')
        ? notes.copied : notes.notCopied);
    }
  };

  paste = async () => {
    try {
      this.pasted(await navigator.clipboard.readText());
      this.#client?.focus();
    } catch {
      this.#textBox.open();
    }
  };

  #setUpButtons() {
    const {hasScreen, isViewOnly} = this.#kind;
    this.#ctrlAltDel.hidden = !hasScreen || isViewOnly;
    element('keys').hidden = isViewOnly;
    const restart = this.onClient((client) => {
      client.press([CONTROL, ALT, DELETE]);
    });
    this.#ctrlAltDel.addEventListener('click', (event) => {
      if (isTouch(event)) {
        dialog('restart-dialog').showModal();
      } else {
        restart(event);
      }
    });
    button('restart-send').addEventListener('click', (event) => {
      dialog('restart-dialog').close();
      restart(event);
    });
    this.#touch.hidden = navigator.maxTouchPoints === 0 || isViewOnly;
    this.#touch.addEventListener('click', this.openTouchKeyboard);
  }

  #setUpDialogs() {
    const {help} = this.words;
    const paragraphs = this.#kind.hasScreen
      ? [help.layout, help.pasted, help.browser, help.leave, help.touch]
      : [help.serial, help.serialSize, help.leave];
    element('help-text').append(
      ...paragraphs.map((text) => make('p', '', text)));
    for (const closer of document.querySelectorAll('[data-close]')) {
      closer.addEventListener('click', () => closer.closest('dialog')?.close());
    }
  }

  #setUpFullscreen() {
    this.#fullscreen.hidden = !document.fullscreenEnabled;
    this.#fullscreen.addEventListener('click', async (event) => {
      try {
        if (document.fullscreenElement) {
          await document.exitFullscreen();
        } else {
          await document.documentElement.requestFullscreen();
        }
      } catch {
        // The browser said no; the page stays as it is.
      }
      this.#backToScreen(event);
    });
    document.addEventListener('fullscreenchange', () => {
      const isFull = document.fullscreenElement !== null;
      const {labels} = this.words;
      const label = isFull ? labels.leaveFullscreen : labels.enterFullscreen;
      element('fullscreen-text').textContent = label;
      this.#fullscreen.title = label;
      this.#lockKeyboard(isFull);
    });
  }

  /**
   * Some browsers hand Alt+Tab and the like to a page that fills the screen.
   *
   * @param {boolean} isFull
   */
  #lockKeyboard(isFull) {
    const {keyboard} = /** @type {any} */ (navigator);
    if (isFull && this.#kind.hasScreen) {
      keyboard?.lock?.()?.catch(() => {});
    } else {
      keyboard?.unlock?.();
    }
  }

  /** Names the size of the terminal in the menu. */
  showSize() {
    const size = this.#client?.terminal?.size();
    if (size) {
      this.#moreMenu.rename(
        'send-size', this.words.sendSize(size.rows, size.columns));
    }
  }

  /**
   * Who used the pointer wants to go on typing to the guest; who used the
   * keyboard stays on the button.
   *
   * @param {MouseEvent} event
   */
  #backToScreen(event) {
    if (event.detail > 0) {
      this.#client?.focus();
    }
  }
}
