// SPDX-License-Identifier: Apache-2.0

/**
 * The entry of spice.html.
 */

import {openPage} from './page.js';

openPage({
  load: async () => (await import('./spiceclient.js')).openSpice,
  defaultPath: '',
  hasScreen: true,
  hasClipboard: false,
});
