"""What Zotero's items have in common: their names, and the files they are or have."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ragline.references.records import Attachment
from ragline.references.values import line_of, mapping_of, text_of

KEY = re.compile(r"[A-Z0-9]{8}")
_URI = re.compile(r"/((?:users|groups)/(?:local/)?[\w-]+)/items/(\w+)")


def library_of(data: Mapping[str, Any]) -> tuple[str | None, str]:
    """Return the library (`users/123`, `groups/45`) and the key of an item's fields."""
    key = key_of(data)
    library = mapping_of(data.get("library"))
    kind, number = line_of(library.get("type"), limit=20), line_of(library.get("id"), limit=50)
    if kind in ("user", "group") and number:
        return f"{kind}s/{number}", key
    found = _URI.search(line_of(data.get("uri")))
    return (found[1], key or found[2]) if found else (None, key)


def key_of(data: Mapping[str, Any]) -> str:
    """Return the key of an item's fields, or nothing."""
    key = line_of(data.get("key") or data.get("itemKey"), limit=100)
    found = _URI.search(line_of(data.get("uri")))
    return key or (found[2] if found else "")


def own_file(data: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return an item as its own attachment, if it is a file that belongs to no work."""
    return [data] if data.get("itemType") == "attachment" else []


def attachment_of(entry: object) -> Attachment | None:
    """Return an attachment as an export or the API describes it; None for a note."""
    if isinstance(entry, str):
        return Attachment(text_of(entry) or None, None, None, None)
    fields = mapping_of(entry)
    fields = mapping_of(fields.get("data")) or fields
    if fields.get("itemType") in ("note", "annotation"):
        return None
    path = _attached_path(fields)
    url = line_of(fields.get("url")) or None
    if not path and not url:
        return None
    media_type = line_of(fields.get("contentType") or fields.get("mimeType"), limit=200) or None
    return Attachment(path, line_of(fields.get("title"), limit=500) or None, media_type, url)


def _attached_path(fields: Mapping[str, Any]) -> str | None:
    path = next((text for name in ("path", "localPath") if (text := text_of(fields.get(name)))), "")
    name, key = text_of(fields.get("filename")), key_of(fields)
    if not path and name:
        path = f"storage:{key}/{name}" if KEY.fullmatch(key) else name
    if path.startswith("storage:") and "/" not in path and KEY.fullmatch(key):
        # The database's own form leaves out the folder, which is the attachment's key.
        path = f"storage:{key}/{path.removeprefix('storage:')}"
    return path or None
