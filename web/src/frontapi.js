// SPDX-License-Identifier: Apache-2.0

/**
 * What the front page asks of the API. No DOM in here; the answers are
 * foreign text.
 */

/** @typedef {import('./words.js').Words} Words */
/** @typedef {(url: string, init?: RequestInit) => Promise<Response>} Fetch */

/**
 * @typedef {object} Server
 * @property {string} id
 * @property {string} name
 * @property {string} status
 * @property {string[]} consoles the types that it offers
 */

/**
 * @typedef {object} Front
 * @property {string} apiUrl without a slash at its end
 * @property {Record<string, unknown>} consoles types by server id
 */

const VERSION = {'OpenStack-API-Version': 'compute 2.99'};
const LOG_LINES = 200;
const MOST_PAGES = 20;

const PROTOCOLS = new Map([
  ['novnc', 'vnc'],
  ['spice-html5', 'spice'],
  ['serial', 'serial'],
  ['spice-direct', 'spice'],
]);

/** A refusal or failure of the API, in words for the user. */
export class ApiError extends Error {
  /**
   * @param {string} message
   * @param {boolean} isGone whether nothing answered at all
   */
  constructor(message, isGone) {
    super(message);
    this.isGone = isGone;
  }
}

/** @param {unknown} value */
function textOf(value) {
  return typeof value === 'string' ? value : '';
}

/**
 * @param {unknown} body
 * @returns {string} what a fault says
 */
function faultOf(body) {
  if (typeof body !== 'object' || body === null) {
    return '';
  }
  const [fault] = Object.values(body);
  return textOf(fault?.message);
}

export class FrontApi {
  #fetch;
  #words;
  /** @type {Front | null} */
  #front = null;

  /**
   * @param {Fetch} fetch
   * @param {Words['front']} words
   */
  constructor(fetch, words) {
    this.#fetch = fetch;
    this.#words = words;
  }

  /**
   * @returns {Promise<Server[]>}
   * @throws {ApiError}
   */
  async servers() {
    const front = await this.#readFront();
    /** @type {Server[]} */
    const servers = [];
    let url = `${front.apiUrl}/v2.1/servers/detail`;
    for (let page = 0; page < MOST_PAGES && url !== ''; page += 1) {
      const body = await this.#ask(url, {headers: VERSION});
      if (!Array.isArray(body?.servers)) {
        throw new ApiError(this.#words.unreadable, false);
      }
      for (const server of body.servers) {
        servers.push({
          id: textOf(server?.id),
          name: textOf(server?.name),
          status: textOf(server?.status),
          consoles: this.#consolesOf(front, textOf(server?.id)),
        });
      }
      url = this.#nextOf(body, front);
    }
    return servers;
  }

  /**
   * @param {string} id
   * @param {string} type
   * @returns {Promise<string>} the URL of a new console
   * @throws {ApiError}
   */
  async console(id, type) {
    const body = await this.#post(`${this.#path(id)}/remote-consoles`, {
      remote_console: {protocol: PROTOCOLS.get(type), type},
    });
    const url = textOf(body?.remote_console?.url);
    if (url === '') {
      throw new ApiError(this.#words.unreadable, false);
    }
    return url;
  }

  /**
   * @param {string} id
   * @returns {Promise<string>} the last lines of the console log
   * @throws {ApiError}
   */
  async log(id) {
    const body = await this.#post(`${this.#path(id)}/action`, {
      'os-getConsoleOutput': {length: LOG_LINES},
    });
    return textOf(body?.output);
  }

  /** @param {string} id */
  #path(id) {
    return `/v2.1/servers/${encodeURIComponent(id)}`;
  }

  /** @returns {Promise<Front>} */
  async #readFront() {
    const body = await this.#ask('front.json', {cache: 'no-store'});
    const apiUrl = textOf(body?.api_url).replace(/\/+$/, '');
    if (!/^https?:\/\//.test(apiUrl)) {
      throw new ApiError(this.#words.unreadable, false);
    }
    this.#front = {apiUrl, consoles: body.consoles ?? {}};
    return this.#front;
  }

  /**
   * @param {Front} front
   * @param {string} id
   */
  #consolesOf(front, id) {
    const types = front.consoles[id];
    return Array.isArray(types)
      ? types.filter((type) => PROTOCOLS.has(type)) : [];
  }

  /**
   * @param {any} body
   * @param {Front} front
   * @returns {string} where the list goes on, empty where it does not
   */
  #nextOf(body, front) {
    const links = Array.isArray(body.servers_links) ? body.servers_links : [];
    const next = links.find((/** @type {any} */ link) => link?.rel === 'next');
    const query = textOf(next?.href).split('?')[1];
    return query ? `${front.apiUrl}/v2.1/servers/detail?${query}` : '';
  }

  /**
   * @param {string} path
   * @param {unknown} body
   */
  async #post(path, body) {
    const {apiUrl} = this.#front ?? await this.#readFront();
    return this.#ask(apiUrl + path, {
      method: 'POST',
      headers: {...VERSION, 'Content-Type': 'application/json'},
      body: JSON.stringify(body),
    });
  }

  /**
   * @param {string} url
   * @param {RequestInit} init
   * @returns {Promise<any>}
   */
  async #ask(url, init) {
    let response;
    try {
      response = await this.#fetch(url, init);
    } catch {
      throw new ApiError(this.#words.noAnswer, true);
    }
    let body;
    try {
      body = await response.json();
    } catch {
      body = null;
    }
    if (!response.ok) {
      const message = faultOf(body);
      throw new ApiError(
        this.#words.error(response.status, message), false);
    }
    if (body === null) {
      throw new ApiError(this.#words.unreadable, false);
    }
    return body;
  }
}

/**
 * Where the browser goes for a console: pages as they are; for the bare
 * WebSocket of a serial line this host's own page.
 *
 * @param {string} url as the API gave it
 * @param {string} name of the server
 * @returns {string | null} null for an address that is none of these
 */
export function addressOf(url, name) {
  if (!URL.canParse(url)) {
    return null;
  }
  const {protocol, searchParams} = new URL(url);
  const title = `title=${encodeURIComponent(name)}`;
  if (protocol === 'http:' || protocol === 'https:') {
    return `${url}${url.includes('?') ? '&' : '?'}${title}`;
  }
  const token = searchParams.get('token');
  if ((protocol === 'ws:' || protocol === 'wss:') && token) {
    return `serial.html?token=${encodeURIComponent(token)}&${title}`;
  }
  return null;
}
