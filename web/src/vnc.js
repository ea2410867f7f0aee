// SPDX-License-Identifier: Apache-2.0

/**
 * The entry of vnc.html.
 */

import {openPage} from './page.js';

openPage({
  // Loaded on its own: noVNC probes the browser's video decoders while it is
  // imported, and the token must not stay in the address bar that long.
  load: async () => (await import('./rfb.js')).openRfb,
  defaultPath: 'websockify',
  hasScreen: true,
  hasClipboard: true,
});
