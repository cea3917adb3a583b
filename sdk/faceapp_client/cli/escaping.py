"""Names of files and people may hold anything; what is printed must not move the cursor or break the output."""

from __future__ import annotations

import re

from rich.markup import escape

# Control characters (escape sequences of terminals begin with one), line separators, marks that reverse the direction
# of writing, and surrogates, by which Python holds the bytes of a file name that are not UTF-8.
UNSAFE = re.compile("[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
UNDECODED = re.compile("[\ud800-\udfff]")


def printable(text: str) -> str:
    r"""`text` with every unsafe character as an escape such as `\x1b`, and bytes that are not UTF-8 such as `\xe9`."""
    return UNSAFE.sub(_escaped, text)


def sendable(text: str) -> str:
    """`text` as valid Unicode, with bytes that are not UTF-8 escaped, so that different names stay different."""
    return UNDECODED.sub(_escaped, text)


def _escaped(match: re.Match[str]) -> str:
    code = ord(match[0])
    if 0xDC80 <= code <= 0xDCFF:  # an undecoded byte, see PEP 383
        code -= 0xDC00
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"


def cell(text: str) -> str:
    """`text` for rich, printable and without markup."""
    return escape(printable(text))


def json_safe(document: str) -> str:
    """A JSON document with unsafe characters as JSON's own escapes, which programs read back as they were."""
    return UNSAFE.sub(lambda match: match[0] if match[0] == "\n" else f"\\u{ord(match[0]):04x}", document)
