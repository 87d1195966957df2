"""Bytes to text, and text to what every database can store."""

from __future__ import annotations

import codecs
import re
from pathlib import Path

from ragline.errors import UnreadableFile

_BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16, whose mark it begins with
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_CONTROL_BYTES = bytes(set(range(32)) - set(b"\b\t\n\v\f\r\x1b")) + b"\x7f"
_HIGH_BYTES = bytes(range(128, 256))
# Western European prose stays under a tenth; Cyrillic or Greek would be nearly all of it.
_MOST_HIGH_BYTES = 0.3
_TOO_SHORT_TO_TELL = 16
_MOST_CONTROL_BYTES = 0.05

_LINE_END = re.compile("\r\n|[\r\v\x85\u2028\u2029]")
_UNSTORABLE = re.compile("[\x00-\x08\x0c\x0e-\x1f\x7f\ud800-\udfff\ufffe\uffff]")


def contents(path: Path) -> bytes:
    """Return a file's bytes; raise `UnreadableFile` if there are none."""
    data = path.read_bytes()
    if not data:
        raise empty_file()
    return data


def empty_file() -> UnreadableFile:
    """The file has no bytes."""
    return UnreadableFile("This file is empty. Upload it again from where it was made.")


def decoded(data: bytes, *, whole: bool = True) -> str:
    """Return the text of bytes in UTF-8, UTF-16, UTF-32 or Windows-1252.

    Where the bytes are but the head of a file, its last character may be cut.
    Raises `UnreadableFile` for bytes that are not text.
    """
    marked = next((name for mark, name in _BYTE_ORDER_MARKS if data.startswith(mark)), None)
    if marked is None and _is_binary(data):
        raise _not_text()
    try:
        return codecs.getincrementaldecoder(marked or "utf-8")().decode(data, final=whole)
    except UnicodeDecodeError:
        if marked is not None:
            raise _not_text() from None
    return _western(data)


def is_text(head: bytes) -> bool:
    """Say whether the first bytes of a file are text that can be decoded."""
    try:
        decoded(head, whole=False)
    except UnreadableFile:
        return False
    return True


def storable(text: str) -> str:
    """Return text with plain line ends and without what databases refuse."""
    return _UNSTORABLE.sub("", _LINE_END.sub("\n", text))


def _western(data: bytes) -> str:
    if len(data) >= _TOO_SHORT_TO_TELL and _share(data, _HIGH_BYTES) > _MOST_HIGH_BYTES:
        raise UnreadableFile(
            "The encoding of this text is not known. Save it as UTF-8 and upload it again."
        )
    try:
        return data.decode("cp1252")
    except UnicodeDecodeError:
        return data.decode("latin-1")


def _is_binary(data: bytes) -> bool:
    return b"\0" in data or _share(data, _CONTROL_BYTES) > _MOST_CONTROL_BYTES


def _share(data: bytes, kind: bytes) -> float:
    return (len(data) - len(data.translate(None, kind))) / max(len(data), 1)


def _not_text() -> UnreadableFile:
    return UnreadableFile(
        "This file is not text, though its name or type says so. Upload it in its real format."
    )
