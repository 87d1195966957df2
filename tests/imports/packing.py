"""Archives for tests, honest and hostile ones."""

from __future__ import annotations

import io
import json
import struct
import zipfile
import zlib
from collections.abc import Mapping
from typing import Any


def packed(files: Mapping[str, bytes | str], *, method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """Return a ZIP archive of these files."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def zotero_item(key: str, title: str, *paths: str, **fields: Any) -> dict[str, Any]:
    """Return an item as Zotero exports it, with attachments at these paths."""
    return {
        "key": key,
        "itemType": "journalArticle",
        "title": title,
        "uri": f"http://zotero.org/users/123/items/{key}",
        "creators": [{"creatorType": "author", "lastName": "Doe", "firstName": "Jane"}],
        "date": "2021",
        "attachments": [{"path": path, "title": path.rpartition("/")[2]} for path in paths],
        **fields,
    }


def export(*items: dict[str, Any]) -> str:
    """Return a Zotero JSON export."""
    return json.dumps({"items": list(items)})


def with_entry(name: str, content: bytes = b"words", **attributes: Any) -> bytes:
    """Return an archive of one entry whose header has these attributes."""
    info = zipfile.ZipInfo("placeholder")
    info.compress_type = zipfile.ZIP_DEFLATED
    # The constructor would shorten some names.
    info.filename = name
    for attribute, value in attributes.items():
        setattr(info, attribute, value)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(info, content)
    return buffer.getvalue()


def nested(depth: int) -> bytes:
    """Return a text in an archive, in `depth` more archives."""
    content = packed({"note.txt": "words"})
    for _ in range(depth):
        content = packed({"inner.zip": content})
    return content


def overlapping() -> bytes:
    """Return an archive whose first entry holds the second one's bytes as its own."""
    inner = _local(b"b.txt", b"words")
    outer = _local(b"a.txt", inner + b"more")
    at = len(outer) - len(inner) - len(b"more")
    listed = _listed(b"a.txt", inner + b"more", 0) + _listed(b"b.txt", b"words", at)
    return (
        outer + listed + struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 2, 2, len(listed), len(outer), 0)
    )


def lying(content: bytes, says: int) -> bytes:
    """Return an archive whose entry, deflated, is said to have another size than it has."""
    honest = with_entry("a.txt", content)
    size = struct.pack("<L", len(content))
    return honest.replace(size, struct.pack("<L", says))


def encrypted() -> bytes:
    """Return an archive whose entry is said to need a password."""
    archive = bytearray(with_entry("a.txt"))
    archive[6] |= 1
    archive[archive.index(b"PK\1\2") + 8] |= 1
    return bytes(archive)


def _local(name: bytes, content: bytes) -> bytes:
    size = len(content)
    header = struct.pack(
        "<4s5H3L2H", b"PK\3\4", 20, 0, 0, 0, 0, zlib.crc32(content), size, size, len(name), 0
    )
    return header + name + content


def _listed(name: bytes, content: bytes, at: int) -> bytes:
    size, check = len(content), zlib.crc32(content)
    header = struct.pack(
        "<4s6H3L5H2L",
        *(b"PK\1\2", 20, 20, 0, 0, 0, 0, check, size, size, len(name), 0, 0, 0, 0, 0, at),
    )
    return header + name
