"""Bytes of a library → text, whichever program wrote them."""

from __future__ import annotations

import codecs

_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
# Fewer broken characters than this share of the special ones: UTF-8 that was damaged.
_DAMAGED = 0.05


def decode(content: bytes) -> tuple[str, str | None]:
    """Return the text and, where it is not plain Unicode, a sentence on how it was read."""
    for mark, encoding in _MARKS:
        if content.startswith(mark):
            text = content.decode(encoding, "replace")
            return text, _broken(text.count("\ufffd"))
    try:
        return content.decode("utf-8"), None
    except UnicodeDecodeError:
        return _without_mark(content)


def _without_mark(content: bytes) -> tuple[str, str | None]:
    """Return text that is not whole UTF-8: damaged UTF-8, or that of Windows or Latin-1."""
    text = content.decode("utf-8", "replace")
    broken = text.count("\ufffd")
    special = sum(1 for character in text if character > "\x7f")
    if broken < special * _DAMAGED:
        return text, _broken(broken)
    try:
        return content.decode("cp1252"), "The file is not Unicode; it was read as Windows-1252."
    except UnicodeDecodeError:
        return content.decode("latin-1"), "The file is not Unicode; it was read as Latin-1."


def _broken(count: int) -> str | None:
    if not count:
        return None
    return f"The file holds {count} characters that are no Unicode; they were replaced."
