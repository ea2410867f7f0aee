// SPDX-License-Identifier: Apache-2.0

/**
 * The entry of serial.html.
 */

import {openPage} from './page.js';

openPage({
  load: async () => (await import('./terminal.js')).openTerminal,
  defaultPath: '',
  hasScreen: false,
  hasClipboard: false,
});
