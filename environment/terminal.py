"""Text of unknown origin on a terminal or in a report."""


def printable(text: str) -> str:
    """`text` with a backslash escape for each character that is not printable.

    Names of files may hold bytes that are not UTF-8, which Python reads as lone surrogates and no stream in UTF-8
    takes, and escape sequences that a terminal would execute. A file called `caf\\xe9` is printed just so.
    """
    return "".join(letter if letter.isprintable() else _escaped(letter) for letter in text)


def _escaped(letter: str) -> str:
    if "\udc80" <= letter <= "\udcff":  # a byte that is not UTF-8, see PEP 383
        return f"\\x{ord(letter) - 0xDC00:02x}"
    return ascii(letter)[1:-1]
