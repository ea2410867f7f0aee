// SPDX-License-Identifier: Apache-2.0

/**
 * Every word that the pages show, in English. Another language is a module
 * with the same names beside this one, and a line in ../words.js.
 *
 * @typedef {{headline: string, detail: string}} Notice
 */

export const en = {
  /** Labels that are put into elements with data-text and data-label. */
  labels: {
    console: 'Console',
    actions: 'Console actions',
    screen: 'Screen of the server',
    terminal: 'Serial line of the server',
    ctrlAltDel: 'Ctrl+Alt+Del',
    keys: 'Keys',
    more: 'More',
    enterFullscreen: 'Full screen',
    leaveFullscreen: 'Leave full screen',
    touchKeyboard: 'On-screen keyboard',
    reconnect: 'Reconnect',
    stop: 'Stop trying',
    close: 'Close',
    leaveHint: 'Ctrl+Alt+Shift+B leaves the screen',
    noScript: 'This page needs JavaScript to show a console.',
    textHeading: 'Text and clipboard',
    textOnlyHeading: 'Type a text',
    textInput: 'Text for the server',
    textType: 'Type it',
    textStop: 'Stop typing',
    textToClipboard: 'Put on the server\'s clipboard',
    textFromServer: 'The server\'s clipboard',
    textCopy: 'Copy',
    textNoClipboard: 'Nothing has been copied on the server yet.',
    textShare: 'Keep both clipboards the same',
    textShareHint: 'What you copy goes to the server, and what is copied '
      + 'there replaces your clipboard. Only switch this on for a server '
      + 'that you trust.',
    restartHeading: 'Send Ctrl+Alt+Del?',
    restartText: 'Many servers restart at once when they get it.',
    restartSend: 'Send it',
    restartCancel: 'Cancel',
    helpHeading: 'Keyboard',
    findLabel: 'Find in the terminal',
    findNext: 'Next',
    findPrevious: 'Previous',
    findClose: 'Close the search',
  },

  /** The entries of the menus. */
  menu: {
    ctrlAltDel: 'Ctrl+Alt+Del',
    windows: 'Windows key',
    tab: 'Tab',
    escape: 'Esc',
    print: 'Print Screen',
    ctrlC: 'Ctrl+C (interrupt)',
    ctrlD: 'Ctrl+D (end of input)',
    ctrlZ: 'Ctrl+Z (suspend)',
    text: 'Text and clipboard...',
    textOnly: 'Type a text...',
    copy: 'Copy the selection',
    paste: 'Paste',
    scale: 'Fit to the window',
    screenshot: 'Save a picture',
    touchKeyboard: 'On-screen keyboard',
    find: 'Find...',
    download: 'Save the text',
    clear: 'Clear',
    reset: 'Reset the terminal',
    screenReader: 'Read out for a screen reader',
    help: 'Keyboard help',
    disconnect: 'Disconnect',
  },

  /** @type {(rows: number, columns: number) => string} */
  sendSize: (rows, columns) => `Tell the server the size (${rows} rows, `
    + `${columns} columns)`,

  sendSizeHint: 'A serial line does not carry the size of the window. This '
    + 'types the stty command for it; use it at a shell prompt.',

  /** Between what two sessions have shown of one serial line. */
  again: 'connected again',

  /** Short notes that appear for a moment. */
  notes: {
    saved: 'Saved to your downloads.',
    notSaved: 'There is nothing to save yet.',
    copied: 'Copied.',
    notCopied: 'The browser does not let this page use the clipboard. Copy '
      + 'the text by hand.',
    nothingSelected: 'Nothing is selected.',
    fromServer: 'The server\'s clipboard was copied to yours.',
    toServer: 'Sent to the server\'s clipboard.',
    silentLine: 'Nothing to see? Press Enter: a serial line shows only what '
      + 'the server sends.',
    dropped: 'Output came faster than it can be shown. A part was left out.',
  },

  /** The notes of the text dialog. */
  text: {
    layout: 'Typed as on a US keyboard. The server must use that layout, or '
      + 'some characters come out wrong.',
    serial: 'Sent as it is, in small pieces.',
    /** @type {(size: string, time: string) => string} */
    long: (size, time) => `This is ${size}: typing it takes about ${time}. `
      + 'The server may lose a part of it. Consider a file transfer.',
    /** @type {(done: number, all: number) => string} */
    progress: (done, all) => `Typed ${done} of ${all} characters.`,
    /** @type {(count: number) => string} */
    skipped: (count) => count === 1
      ? '1 character cannot be typed and was left out.'
      : `${count} characters cannot be typed and were left out.`,
    /** @type {(characters: string) => string} */
    unable: (characters) => `No key of a US keyboard types ${characters}, so `
      + 'that the server would not get it. It stays in the box.',
    stopped: 'Stopped.',
    typed: 'All of it was sent.',
    /** @type {(count: number) => string} */
    seconds: (count) => count === 1 ? '1 second' : `${count} seconds`,
    /** @type {(count: number) => string} */
    minutes: (count) => count === 1 ? '1 minute' : `${count} minutes`,
  },

  /** The keyboard help: a paragraph each. */
  help: {
    layout: 'Keys go to the server by their place on the keyboard. What they '
      + 'mean there is up to the keyboard layout that the server has set. If '
      + 'letters come out wrong, change the layout in the server, not here.',
    pasted: 'Text that is typed for you always uses the US layout.',
    leave: 'While the screen has the keyboard, Tab goes to the server. '
      + 'Ctrl+Alt+Shift+B leaves the screen.',
    browser: 'Your browser and your desktop keep some keys for themselves, '
      + 'such as Ctrl+W or Alt+Tab. Use the menu "Keys" for these. In full '
      + 'screen, some browsers hand more keys on.',
    touch: 'On a touch screen, tap to click, hold for the right button, and '
      + 'open the on-screen keyboard from the bar.',
    serial: 'A serial line carries text, not keys. Ctrl+Shift+C copies, '
      + 'Ctrl+Shift+V pastes, Ctrl+Shift+F finds.',
    serialSize: 'A program on the server that draws in the wrong place does '
      + 'not know the size of this window. Tell it with the menu "More", or '
      + 'with the command stty rows R cols C.',
  },

  /** The short words beside the dot in the toolbar. */
  chips: {
    connecting: 'Connecting',
    connected: 'Connected',
    viewOnly: 'View only',
    waiting: 'Waiting',
    ended: 'Not connected',
    refused: 'Not connected',
  },

  connecting: {
    headline: 'Connecting',
    detail: 'Asking the console proxy for this console.',
  },

  negotiating: {
    headline: 'Connecting',
    detail: 'The proxy answered. Waiting for the screen of the server.',
  },

  connected: {headline: 'Connected', detail: ''},

  viewOnly: {
    headline: 'Connected, view only',
    detail: 'Keys and the pointer do not reach the server.',
  },

  /**
   * Why the page waits and connects again by itself.
   *
   * @type {Record<number, Notice>}
   */
  waits: {
    1001: {
      headline: 'The console proxy is going down',
      detail: 'The server itself is not affected. This page connects again '
        + 'as soon as a proxy answers.',
    },
    1006: {
      headline: 'The connection was lost',
      detail: 'Check your network. This page connects again by itself.',
    },
    4002: {
      headline: 'The compute host does not answer',
      detail: 'This page connects again as soon as it does.',
    },
    4003: {
      headline: 'The server is off',
      detail: 'Nothing answers at its console. This page connects again as '
        + 'soon as the server is running.',
    },
    4005: {
      headline: 'The server closed the console',
      detail: 'It was stopped or is starting again. This page connects again '
        + 'as soon as the server is running.',
    },
    4012: {
      headline: 'Many are connecting at once',
      detail: 'This page connects again by itself, in a moment.',
    },
  },

  /** @type {(seconds: number) => string} */
  countdown: (seconds) => seconds < 1
    ? 'Trying now' : `Next try in ${seconds} s`,

  /** @type {(seconds: number) => string} */
  draining: (seconds) => {
    const time = seconds < 120
      ? `${Math.ceil(seconds)} s` : `${Math.ceil(seconds / 60)} min`;
    return `The proxy is going down. In ${time} at the latest it ends this `
      + 'session, and the page connects again.';
  },

  /** Why the page did not even try to connect. */
  refusals: {
    token: {
      headline: 'This link has no console token',
      detail: 'Open the console again from where you got the link. A reload '
        + 'cannot help: the token is removed from the address on purpose.',
    },
    path: {
      headline: 'This link does not lead to a console',
      detail: 'Its path points to another host or is not valid. Nothing was '
        + 'connected. Open the console again from a place that you trust.',
    },
  },

  /** @type {Record<number, Notice>} */
  ends: {
    1000: {
      headline: 'The console was closed',
      detail: 'The session ended normally.',
    },
    1001: {
      headline: 'The console proxy is going down',
      detail: 'The server itself is not affected. Reconnect in a moment.',
    },
    1002: {
      headline: 'The console proxy did not understand this page',
      detail: 'Reconnect. If it happens again, tell your administrator.',
    },
    1005: {
      headline: 'The console was closed',
      detail: 'No reason was given.',
    },
    1006: {
      headline: 'The connection was lost',
      detail: 'Check your network, then reconnect.',
    },
    1009: {
      headline: 'Too much was sent at once',
      detail: 'The console proxy refused a message that was too big. '
        + 'Reconnect and send less at a time.',
    },
    1011: {
      headline: 'The console proxy has failed',
      detail: 'It had an internal error. Reconnect. If it happens again, tell '
        + 'your administrator.',
    },
    4001: {
      headline: 'This link is no longer valid',
      detail: 'Its token has expired, was revoked or was used in another '
        + 'place. Open the console again from where you got the link.',
    },
    4002: {
      headline: 'The compute host did not answer',
      detail: 'The host of the server is busy or out of reach. Reconnect in a '
        + 'moment.',
    },
    4003: {
      headline: 'The console could not be reached',
      detail: 'The server may be stopped or still starting. Reconnect when it '
        + 'is running.',
    },
    4004: {
      headline: 'The hypervisor refused the console',
      detail: 'The proxy and the hypervisor could not agree on security. Tell '
        + 'your administrator.',
    },
    4005: {
      headline: 'The server closed the console',
      detail: 'It was stopped or is starting again. Reconnect when it is '
        + 'running.',
    },
    4006: {
      headline: 'The console was idle for too long',
      detail: 'It was closed for want of input. Reconnect to go on.',
    },
    4007: {
      headline: 'The time of this session is over',
      detail: 'Open the console again from where you got the link.',
    },
    4008: {
      headline: 'The console is in use',
      detail: 'Another session has it. Reconnect when that one has ended.',
    },
    4009: {
      headline: 'Another session took over',
      detail: 'This console was opened in another place. Reconnect to take it '
        + 'back.',
    },
    4010: {
      headline: 'Setting up the console took too long',
      detail: 'The network or the host of the server is slow. Reconnect to '
        + 'try again.',
    },
    4011: {
      headline: 'This console is view-only',
      detail: 'This page sent something that may not be sent to a console '
        + 'that can only be watched. Reconnect. If it happens again, tell '
        + 'your administrator.',
    },
    4012: {
      headline: 'Too many are connecting at once',
      detail: 'Reconnect in a moment.',
    },
    4013: {
      headline: 'Too many consoles are open from your network',
      detail: 'Close some that you do not need, then reconnect. Others behind '
        + 'the same address count, too: if it happens again, tell your '
        + 'administrator.',
    },
    4014: {
      headline: 'Too many consoles of this server are open',
      detail: 'Reconnect when some of them were closed.',
    },
  },

  /**
   * The words for a close code that has none of its own.
   *
   * @type {(code: number) => Notice}
   */
  unknownEnd: (code) => ({
    headline: 'The console was closed',
    detail: `The console proxy gave the code ${code}.`,
  }),

  unreachable: {
    headline: 'The console proxy could not be reached',
    detail: 'It is down, out of reach, or full, or does not take connections '
      + 'from this page. Reconnect in a moment. If it happens again, tell your '
      + 'administrator.',
  },

  /** Ends that the page itself brought about. */
  failures: {
    unreadable: {
      headline: 'The console could not be shown',
      detail: 'The server sent something that this page cannot read. '
        + 'Reconnect. If it happens again, tell your administrator.',
    },
    password: {
      headline: 'The console asks for a password',
      detail: 'This page cannot give one. Tell your administrator.',
    },
    load: {
      headline: 'A part of this page could not be loaded',
      detail: 'The console proxy did not send it. Reconnect to try again.',
    },
    user: {
      headline: 'Disconnected',
      detail: 'You ended the session. The server goes on.',
    },
    stopped: {
      headline: 'Stopped waiting',
      detail: 'This page no longer tries to connect by itself.',
    },
  },

  /** The page that lists the servers. */
  front: {
    title: 'Consoles',
    heading: 'Servers',
    intro: 'The servers of this machine and the consoles that they offer.',
    name: 'Name',
    status: 'Status',
    consoles: 'Consoles',
    log: 'Log',
    logHeading: 'Console log',
    logEmpty: 'The log is empty.',
    logLoading: 'Reading the log.',
    logNote: 'The last 200 lines.',
    refresh: 'Read again',
    close: 'Close',
    none: 'This server offers no console now.',
    loading: 'Reading the list of servers.',
    empty: 'There are no servers',
    emptyDetail: 'Start a guest under libvirt, or start the program with '
      + 'simulated servers: tools/standalone --driver fake',
    gone: 'The API does not answer',
    goneDetail: 'Is the program still running? This page tries again by '
      + 'itself.',
    failed: 'The list could not be read',
    stale: 'This list is old: the API does not answer.',
    popup: 'The browser kept the new tab from opening. Allow it for this '
      + 'page, or use this link:',
    openLink: 'Open the console',
    unreadable: 'The API gave an answer that this page cannot read.',
    noAnswer: 'The API does not answer.',
    /** @type {(status: number, message: string) => string} */
    error: (status, message) => message === ''
      ? `The API answered with the status ${status}.` : message,
    /** @type {Record<string, string>} */
    types: {
      'novnc': 'VNC',
      'spice-html5': 'SPICE',
      'serial': 'Serial',
      'spice-direct': 'SPICE file (.vv)',
    },
    /** @type {(type: string, name: string) => string} */
    openLabel: (type, name) => `${type} console of ${name}`,
    /** @type {(name: string) => string} */
    logLabel: (name) => `Console log of ${name}`,
    /** @type {(count: number) => string} */
    count: (count) => count === 1 ? '1 server' : `${count} servers`,
  },
};

/** @typedef {typeof en} Words */
