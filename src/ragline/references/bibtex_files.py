"""The `file` field of BibTeX, in the forms that JabRef, Zotero and Better BibTeX write."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from ragline.references.records import Attachment
from ragline.references.values import line_of, text_of

_LONGEST = 100_000
_ENTRY = re.compile(r"(?<!\\);")
_PART = re.compile(r"(?<!\\):")
_ESCAPE = re.compile(r"\\([:;\\{}])")
_MEDIA_TYPES = {"pdf": "application/pdf", "html": "text/html", "url": "text/html"}


def attachments_of(entry: Mapping[str, str]) -> tuple[Attachment, ...]:
    """Return the files an entry names in `file`, and in `pdf` and `local-url`."""
    named = [entry.get(name, "")[:_LONGEST] for name in ("file", "pdf", "local-url", "bdsk-file-1")]
    first = [found for part in _ENTRY.split(named[0]) if (found := _attachment(part))]
    others = [Attachment(text_of(path), None, None, None) for path in named[1:3] if path.strip()]
    return (*first, *others)


def _attachment(written: str) -> Attachment | None:
    """Return the file that stands between two semicolons: a path, or name:path:type."""
    parts = [_ESCAPE.sub(r"\1", part).strip() for part in _with_drives(_PART.split(written))]
    if len(parts) == 1:
        title, path, kind = "", parts[0], ""
    elif len(parts) == 2:
        title, path, kind = _of_two(parts[0], parts[1])
    else:
        title, path, kind = parts[0], ":".join(parts[1:-1]), parts[-1]
    if not path:
        return None
    media_type = _MEDIA_TYPES.get(kind.lower(), kind if "/" in kind else None)
    if path.startswith(("http:", "https:")):
        return Attachment(None, line_of(title) or None, media_type, line_of(path))
    return Attachment(text_of(path), line_of(title, limit=500) or None, media_type, None)


def _of_two(first: str, second: str) -> tuple[str, str, str]:
    """Tell `path:type` from `name:path`; file: and http: addresses have a colon of their own."""
    if first.lower() in ("file", "http", "https", "storage", "attachments"):
        return "", f"{first}:{second}", ""
    is_type = second.lower() in _MEDIA_TYPES or re.fullmatch(r"\w+/[\w.+-]+", second)
    is_path = "/" in first or "\\" in first or re.search(r"\.\w{2,4}$", first)
    return ("", first, second) if is_type and is_path else (first, second, "")


def _with_drives(parts: list[str]) -> Iterator[str]:
    """Yield parts, with drive letters and addresses put together again."""
    waiting = ""
    for part in parts:
        if waiting and part.startswith(("\\", "/")):
            yield f"{waiting}:{part}"
            waiting = ""
            continue
        if waiting:
            yield waiting
        waiting = part if re.fullmatch(r"[A-Za-z]|file|https?", part.strip()) else ""
        if not waiting:
            yield part
    if waiting:
        yield waiting
