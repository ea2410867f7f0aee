// SPDX-License-Identifier: Apache-2.0

/**
 * The plug between the frame of a page and the client of one protocol.
 *
 * A page names its kind; the kind's loader gives a function that opens its
 * connection, watched by the frame, and draws into an element.
 */

/** @typedef {import('./keys.js').Key} Key */
/** @typedef {import('./words.js').Words} Words */

/**
 * What a protocol client tells the frame.
 *
 * @typedef {object} Report
 * @property {() => void} ready the guest can be seen and used
 * @property {(name: string) => void} named the guest's own name; foreign text
 * @property {(text: string) => void} copied the guest's clipboard has this;
 *   foreign text
 * @property {(text: string) => void} pasted the user wants this typed
 * @property {(note: 'dropped' | 'silentLine') => void} noted
 * @property {() => void} resized a terminal has another size
 * @property {(cause: 'unreadable' | 'password') => void} failed the client
 *   gave up
 */

/**
 * The way to the proxy.
 *
 * @typedef {object} Connection
 * @property {URL} url
 * @property {string[]} protocols what to offer there
 * @property {boolean} isViewOnly whether input is of no use
 * @property {(socket: WebSocket) => void} watch tells the frame of a socket
 *   to that address; its end is the end of the session
 */

/**
 * What the frame asks of a protocol client.
 *
 * @typedef {object} Client
 * @property {() => void} focus puts the keyboard on the screen
 * @property {() => void} releaseKeys lets go of every key that is held down
 * @property {(keys: Key[]) => void} press presses them in order, then lets
 *   go in reverse
 * @property {() => void} close ends the connection; may be called twice
 * @property {Picture} [picture] for a guest with a screen
 * @property {(text: string) => void} [setClipboard] where the protocol has
 *   one
 * @property {Terminal} [terminal] for a guest without one
 */

/**
 * @typedef {object} Picture
 * @property {(isScaled: boolean) => void} scale fits it to the window or not
 * @property {() => Promise<Blob | null>} save as PNG
 * @property {(key: Key, isDown: boolean) => void} key
 * @property {() => boolean} typesEverything whether it can type what a US
 *   keyboard does not have
 */

/**
 * @typedef {object} Terminal
 * @property {(data: string) => void} send
 * @property {(text: string) => void} paste
 * @property {() => string} selection
 * @property {() => string} text all that is kept of what was shown
 * @property {() => void} clear
 * @property {() => void} reset ends what programs have switched on
 * @property {() => {rows: number, columns: number}} size
 * @property {(isOn: boolean) => void} readOut for a screen reader
 * @property {(text: string, isBack: boolean) => boolean} find
 * @property {() => void} endFind
 */

/**
 * @typedef {(connection: Connection, screen: HTMLElement, report: Report,
 *   words: Words) => Client} Plug
 */

/** @typedef {() => Promise<Plug>} PlugLoader */

/**
 * @typedef {object} Kind
 * @property {PlugLoader} load
 * @property {string} defaultPath where a bare token goes
 * @property {boolean} hasScreen whether there is a picture and PC keys, and
 *   not a line of text
 * @property {boolean} hasClipboard
 * @property {boolean} isViewOnly whether the proxy keeps input from the guest
 */

export {};
