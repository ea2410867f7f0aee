# SPDX-License-Identifier: Apache-2.0
"""Names of keys, for showing them."""

from collections.abc import Mapping
import types

_NAMED: Mapping[int, str] = types.MappingProxyType(
    {
        0x20: 'Space',
        0xFE03: 'AltGr',
        0xFE20: 'Shift Tab',
        0xFF08: 'Backspace',
        0xFF09: 'Tab',
        0xFF0A: 'Linefeed',
        0xFF0D: 'Enter',
        0xFF13: 'Pause',
        0xFF14: 'Scroll Lock',
        0xFF15: 'SysRq',
        0xFF1B: 'Esc',
        0xFF50: 'Home',
        0xFF51: 'Left',
        0xFF52: 'Up',
        0xFF53: 'Right',
        0xFF54: 'Down',
        0xFF55: 'Page Up',
        0xFF56: 'Page Down',
        0xFF57: 'End',
        0xFF61: 'Print',
        0xFF63: 'Insert',
        0xFF67: 'Menu',
        0xFF6B: 'Break',
        0xFF7F: 'Num Lock',
        0xFF8D: 'Enter',
        0xFFAA: '*',
        0xFFAB: '+',
        0xFFAD: '-',
        0xFFAE: '.',
        0xFFAF: '/',
        0xFFE1: 'Shift',
        0xFFE2: 'Right Shift',
        0xFFE3: 'Ctrl',
        0xFFE4: 'Right Ctrl',
        0xFFE5: 'Caps Lock',
        0xFFE7: 'Meta',
        0xFFE8: 'Right Meta',
        0xFFE9: 'Alt',
        0xFFEA: 'Right Alt',
        0xFFEB: 'Super',
        0xFFEC: 'Right Super',
        0xFFFF: 'Delete',
    }
)
_KEYPAD_0 = 0xFFB0
_F1 = 0xFFBE
_UNICODE = 0x01000000


def character(keysym: int) -> str | None:
    """The character that the key types, or None if it types none."""
    if 0x20 <= keysym <= 0x7E or 0xA0 <= keysym <= 0xFF:
        return chr(keysym)
    if _UNICODE + 0x100 <= keysym <= _UNICODE + 0x10FFFF:
        text = chr(keysym - _UNICODE)
        return text if text.isprintable() else None
    if _KEYPAD_0 <= keysym <= _KEYPAD_0 + 9:
        return str(keysym - _KEYPAD_0)
    return None


def name(keysym: int) -> str:
    """What is written on the key; the number of an unknown one."""
    if keysym in _NAMED:
        return _NAMED[keysym]
    if _F1 <= keysym < _F1 + 35:
        return f'F{keysym - _F1 + 1}'
    return character(keysym) or f'0x{keysym:x}'
