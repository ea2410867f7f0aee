// SPDX-License-Identifier: Apache-2.0
// The part of noVNC that these pages use; the package carries no types.
declare module '@novnc/novnc' {
  export default class RFB extends EventTarget {
    constructor(target: HTMLElement, channel: WebSocket);
    background: string;
    scaleViewport: boolean;
    showDotCursor: boolean;
    viewOnly: boolean;
    clipboardPasteFrom(text: string): void;
    disconnect(): void;
    focus(options?: FocusOptions): void;
    sendKey(keysym: number, code: string | null, down: boolean): void;
    toBlob(callback: (blob: Blob | null) => void, type: string): void;
  }
}

declare module '@novnc/novnc/core/input/keyboard.js' {
  export default class Keyboard {
    constructor(target: HTMLElement);
    onkeyevent: (keysym: number, code: string, isDown: boolean) => void;
    grab(): void;
    ungrab(): void;
  }
}

declare module '@novnc/novnc/core/input/xtscancodes.js' {
  const table: Record<string, number>;
  export default table;
}
