// SPDX-License-Identifier: Apache-2.0

/**
 * Reading the address of a console page: where to connect, what to show and
 * what may stay in the address bar. No DOM in here.
 */

/**
 * @typedef {object} Link
 * @property {string} title what the page is called, may be empty
 * @property {string} language the tag of a language, may be empty
 * @property {boolean} isViewOnly whether the proxy keeps input from the
 *   server; it does so whatever the address says
 * @property {string} cleanHref the page's address without any secret
 * @property {URL | null} socket where to connect, null when refused
 * @property {'token' | 'path' | null} refused why there is no socket
 */

const MAX_TITLE = 200;

// What may stay in the address bar and the history; all else may be secret.
const HARMLESS = ['title', 'language', 'view_only'];

// URL parsers drop tabs and line ends and take a backslash for a slash, so
// that these could hide a second leading slash.
const MISLEADING = /[\\\p{Cc}]/u;
const SCHEME = /^[a-z][a-z0-9+.-]*:/i;

// Control characters, and those that turn the reading direction round.
const UNSEEN = /[\p{Cc}\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu;

/**
 * Makes a foreign text fit for one line of the page.
 *
 * @param {string} text
 * @returns {string} at most 200 characters, none of them invisible controls
 */
export function plainLine(text) {
  const line = text.replace(UNSEEN, '').trim();
  return Array.from(line).slice(0, MAX_TITLE).join('');
}

/**
 * @param {URL} page
 * @returns {string}
 */
function cleanHref(page) {
  const clean = new URL(page);
  clean.search = '';
  clean.hash = '';
  for (const name of HARMLESS) {
    const value = page.searchParams.get(name);
    if (value !== null) {
      clean.searchParams.set(name, value);
    }
  }
  return clean.href;
}

/**
 * Resolves a path against the page's own address, as noVNC does: a reverse
 * proxy may serve the pages below a prefix that it takes off.
 *
 * @param {URL} page
 * @param {string} path
 * @returns {URL | null} null when it would leave the host
 */
export function resolveSocket(page, path) {
  if (MISLEADING.test(path) || SCHEME.test(path) || path.startsWith('//')) {
    return null;
  }
  const scheme = page.protocol === 'https:' ? 'wss:' : 'ws:';
  const folder = page.pathname.replace(/[^/]*$/, '');
  let socket;
  try {
    // The host is in the text: nothing behind it can be taken for one.
    socket = new URL(`${scheme}//${page.host}`
      + (path.startsWith('/') ? path : folder + path));
  } catch {
    return null;
  }
  socket.hash = ''; // A WebSocket address must not have one.
  return socket.host === page.host ? socket : null;
}

/**
 * @param {string} cookie the value of document.cookie
 * @returns {boolean}
 */
function hasTokenCookie(cookie) {
  return /(^|;)\s*token=[^;\s]/.test(cookie);
}

/**
 * Reads the address that a console page was opened with.
 *
 * The token is in the path (`path=%3Ftoken%3D...`), in the page's own query
 * (`token=...`) or in a cookie; without any of these the link is refused, as
 * is a path that leads to another host.
 *
 * @param {string} href the page's address
 * @param {string} cookie the value of document.cookie
 * @param {string} defaultPath where a token goes that has no path
 * @returns {Link}
 */
export function readLink(href, cookie, defaultPath) {
  const page = new URL(href);
  const query = page.searchParams;
  const shown = {
    title: plainLine(query.get('title') ?? ''),
    language: plainLine(query.get('language') ?? ''),
    isViewOnly: query.get('view_only') === 'true',
    cleanHref: cleanHref(page),
  };
  const socket = resolveSocket(page, query.get('path') ?? defaultPath);
  if (socket === null) {
    return {...shown, socket: null, refused: 'path'};
  }
  const token = query.get('token');
  if (!socket.searchParams.get('token') && token) {
    socket.searchParams.set('token', token);
  }
  if (!socket.searchParams.get('token') && !hasTokenCookie(cookie)) {
    return {...shown, socket: null, refused: 'token'};
  }
  return {...shown, socket, refused: null};
}
