// SPDX-License-Identifier: Apache-2.0
// The part of spice-html5 that these pages use; the package carries no types.
declare module '@spice-project/spice-html5/src/main.js' {
  export class SpiceMainConn {
    constructor(options: {
      uri: string;
      password: string;
      screen_id: string;
      onerror: (error: unknown) => void;
    });
    stop(): void;
  }
}

declare module '@spice-project/spice-html5/src/display.js' {
  export const SpiceDisplayConn: {prototype: Record<string, unknown>};
}

declare module '@spice-project/spice-html5/src/enums.js' {
  export const Constants: Record<string, number>;
}

declare module '@spice-project/spice-html5/src/inputs.js' {
  type Listener = (event: Event) => void;
  export const handle_contextmenu: Listener;
  export const handle_mousedown: Listener;
  export const handle_mousemove: Listener;
  export const handle_mouseup: Listener;
  export const handle_mousewheel: Listener;
}

declare module '@spice-project/spice-html5/src/spiceconn.js' {
  export const SpiceConn: {prototype: Record<string, unknown>};
}

declare module '@spice-project/spice-html5/src/spicemsg.js' {
  export class SpiceMsgcKeyDown {
    code: number;
  }
  export class SpiceMiniData {
    build_msg(type: number, message: object): void;
  }
}
