// SPDX-License-Identifier: Apache-2.0

/**
 * The plug for a serial line: xterm.js on raw bytes.
 */

import {FitAddon} from '@xterm/addon-fit';
import {SearchAddon} from '@xterm/addon-search';
import {Terminal} from '@xterm/xterm';

import {Backlog} from './backlog.js';
import {letterOf} from './keys.js';
import {resetTerminal} from './terminalreset.js';

/** @typedef {import('./plug.js').Client} Client */
/** @typedef {import('./plug.js').Report} Report */

const SCROLLBACK = 10000;
// A line that is silent for so long after the proxy took the connection is
// one that works: what cannot be reached is closed at once.
const SILENCE = 1000;

// Dark in either colour scheme: programs choose their colours for it.
const THEME = {
  background: '#12161c',
  foreground: '#e4e8ee',
  cursor: '#e4e8ee',
  cursorAccent: '#12161c',
  selectionBackground: '#35507f',
};

const FOUND = {
  matchBackground: '#6b5410',
  matchOverviewRuler: '#6b5410',
  activeMatchBackground: '#a8540c',
  activeMatchColorOverviewRuler: '#a8540c',
};

/** @param {string} label */
function makeTerminal(label) {
  const terminal = new Terminal({
    allowProposedApi: true, // The marks of what was found want it.
    cursorBlink: false,
    fontFamily: 'ui-monospace, "Cascadia Mono", "DejaVu Sans Mono", Menlo, '
      + 'Consolas, monospace',
    fontSize: 14,
    // A link is text of the server's, and may say one thing and lead to
    // another: it leads nowhere.
    linkHandler: {activate: () => {}},
    minimumContrastRatio: 4.5,
    scrollback: SCROLLBACK,
    theme: THEME,
  });
  terminal.onRender(() => {
    terminal.textarea?.setAttribute('aria-label', label);
    terminal.textarea?.setAttribute('aria-describedby', 'leave-hint');
  });
  return terminal;
}

/**
 * Reads back everything that the terminal keeps.
 *
 * @param {import('@xterm/xterm').IBuffer} buffer
 * @returns {string} lines as they were sent, not as they were wrapped
 */
function textOf(buffer) {
  /** @type {string[]} */
  const lines = [];
  for (let at = 0; at < buffer.length; at += 1) {
    const line = buffer.getLine(at);
    const isContinued = buffer.getLine(at + 1)?.isWrapped ?? false;
    const text = line?.translateToString(!isContinued) ?? '';
    if (line?.isWrapped && lines.length > 0) {
      lines[lines.length - 1] += text;
    } else {
      lines.push(text);
    }
  }
  const text = lines.join('\n').trimEnd();
  return text === '' ? '' : `${text}\n`;
}

/**
 * Ctrl+Shift+C and V, as terminals have them. Ctrl+Shift+F is the page's.
 *
 * @param {Terminal} terminal
 */
function bindKeys(terminal) {
  terminal.attachCustomKeyEventHandler((event) => {
    const isOurs = event.ctrlKey && event.shiftKey && !event.altKey;
    const letter = letterOf(event);
    const target = {c: 'copy', v: 'paste'}[letter];
    if (!isOurs || target === undefined) {
      return !(isOurs && letter === 'f');
    }
    event.preventDefault();
    if (event.type === 'keydown') {
      document.getElementById(target)?.click();
    }
    return false;
  });
}

/**
 * Pasting goes through the frame, which warns of a long text.
 *
 * @param {HTMLElement} screen
 * @param {Report} report
 * @param {AbortSignal} signal
 */
function catchPaste(screen, report, signal) {
  screen.addEventListener('paste', (event) => {
    event.preventDefault();
    event.stopImmediatePropagation();
    report.pasted(event.clipboardData?.getData('text/plain') ?? '');
  }, {capture: true, signal});
}

/**
 * @param {WebSocket} socket
 * @param {Terminal} terminal
 * @returns {() => void} stops it
 */
function carryInput(socket, terminal) {
  const encoder = new TextEncoder();
  const send = (/** @type {Uint8Array<ArrayBuffer>} */ bytes) => {
    if (socket.readyState === WebSocket.OPEN) {
      socket.send(bytes);
    }
  };
  const listeners = [
    terminal.onData((data) => send(encoder.encode(data))),
    terminal.onBinary((data) => {
      send(Uint8Array.from(data, (character) => character.charCodeAt(0)));
    }),
  ];
  return () => {
    for (const listener of listeners) {
      listener.dispose();
    }
  };
}

/**
 * Puts the terminal into the state of a new one, below what it shows.
 *
 * @param {Shown} shown
 * @param {string} line to write there, may be empty
 */
function reset({terminal, backlog}, line) {
  backlog.mark(() => {
    const {normal} = terminal.buffer;
    let row = terminal.rows;
    while (row > 0
        && !normal.getLine(normal.baseY + row - 1)?.translateToString(true)) {
      row -= 1;
    }
    return resetTerminal({
      columns: terminal.cols,
      row,
      line: textOf(normal) === '' ? '' : line,
    });
  });
}

/**
 * @param {WebSocket} socket
 * @param {Shown} shown
 * @param {Report} report
 * @param {string} again what to say when a session is not the first one
 * @returns {() => void} stops it
 */
function carry(socket, shown, report, again) {
  const {terminal, backlog} = shown;
  shown.dropped = () => report.noted('dropped');
  let isReady = false;
  const ready = () => {
    if (!isReady) {
      isReady = true;
      if (shown.hasSession) {
        reset(shown, again);
      }
      shown.hasSession = true;
      report.ready();
    }
  };
  socket.binaryType = 'arraybuffer';
  socket.addEventListener('open', () => {
    window.setTimeout(() => {
      if (!isReady && socket.readyState === WebSocket.OPEN) {
        ready();
        report.noted('silentLine');
      }
    }, SILENCE);
  });
  socket.addEventListener('message', ({data}) => {
    if (data instanceof ArrayBuffer) {
      ready();
      backlog.push(new Uint8Array(data));
    } else {
      report.failed('unreadable');
    }
  });
  return carryInput(socket, terminal);
}

/**
 * @param {Shown} shown
 * @returns {NonNullable<Client['terminal']>}
 */
function controlsOf(shown) {
  const {terminal, search} = shown;
  return {
    send: (data) => terminal.input(data),
    paste: (text) => terminal.paste(text),
    selection: () => terminal.getSelection(),
    text: () => textOf(terminal.buffer.active),
    clear: () => terminal.clear(),
    reset: () => reset(shown, ''),
    size: () => ({rows: terminal.rows, columns: terminal.cols}),
    readOut: (isOn) => {
      terminal.options.screenReaderMode = isOn;
    },
    find: (text, isBack) => {
      const options = {decorations: FOUND};
      return isBack ? search.findPrevious(text, options)
        : search.findNext(text, options);
    },
    endFind: () => search.clearDecorations(),
  };
}

/**
 * @typedef {object} Shown
 * @property {Terminal} terminal
 * @property {FitAddon} fit
 * @property {SearchAddon} search
 * @property {Backlog} backlog what the terminal has not shown yet
 * @property {() => void} dropped called when output is left out
 * @property {boolean} hasSession whether a session has begun before
 */

/**
 * What was seen stays when the next session begins.
 *
 * @type {WeakMap<HTMLElement, Shown>}
 */
const SHOWN = new WeakMap();

/**
 * @param {HTMLElement} screen
 * @param {string} label
 * @returns {Shown}
 */
function showTerminal(screen, label) {
  const before = SHOWN.get(screen);
  if (before !== undefined) {
    return before;
  }
  const terminal = makeTerminal(label);
  const fit = new FitAddon();
  const search = new SearchAddon();
  terminal.loadAddon(fit);
  terminal.loadAddon(search);
  terminal.open(screen);
  bindKeys(terminal);
  new ResizeObserver(() => fit.fit()).observe(screen);
  /** @type {Shown} */
  const shown = {
    terminal,
    fit,
    search,
    backlog: new Backlog(
      (batch, done) => terminal.write(batch, done),
      () => shown.dropped()),
    dropped: () => {},
    hasSession: false,
  };
  SHOWN.set(screen, shown);
  return shown;
}

/** @type {import('./plug.js').Plug} */
export function openTerminal(connection, screen, report, words) {
  const shown = showTerminal(screen, words.labels.terminal);
  const {terminal, fit} = shown;
  fit.fit();
  terminal.options.disableStdin = connection.isViewOnly;
  const over = new AbortController();
  catchPaste(screen, report, over.signal);
  const listeners = [
    terminal.onTitleChange((name) => report.named(name)),
    terminal.onResize(() => report.resized()),
  ];
  const socket = new WebSocket(connection.url, connection.protocols);
  connection.watch(socket);
  const stop = carry(socket, shown, report, words.again);
  return {
    terminal: controlsOf(shown),
    focus: () => terminal.focus(),
    releaseKeys: () => {},
    press: () => {},
    close: () => {
      over.abort();
      for (const listener of listeners) {
        listener.dispose();
      }
      stop();
      socket.close();
    },
  };
}
