"""Metadata from outside, made to fit what a document keeps."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from pydantic import TypeAdapter, ValidationError

from ragline.documents.schemas import Metadata

MOST_KEYS = 50
MOST_KEY = 100
MOST_TEXT = 2000
MOST_LIST = 200
MOST_TITLE = 500

_METADATA: TypeAdapter[dict[str, Any]] = TypeAdapter(Metadata)
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
_WHOLE = re.compile(r"-?(0|[1-9]\d{0,14})")
_DECIMAL = re.compile(r"-?(0|[1-9]\d{0,14})\.\d{1,9}")


def clean(text: str) -> str:
    """Return a text that every database can store."""
    return _UNSTORABLE.sub("\ufffd", text)


def fitting(metadata: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """Return metadata within the bounds of a document's, and the names of what was cut or left out.

    Values that are no text, number, boolean or list of texts are left out; a work's own record,
    `csl`, stays as it is.
    """
    kept: dict[str, Any] = {}
    cut = []
    for name, value in metadata.items():
        key, fitted = clean(str(name)).strip()[:MOST_KEY], _fitted(value)
        if not key or key in kept or len(kept) == MOST_KEYS or not _is_taken(key, fitted):
            cut.append(str(name))
            continue
        if key != name or fitted != value:
            cut.append(str(name))
        kept[key] = fitted
    return kept, cut


def fitting_title(title: str | None) -> str | None:
    """Return a title that a document can bear, or None where nothing is left of it."""
    return " ".join(clean(title or "").split())[:MOST_TITLE] or None


def value_of(cell: str) -> str | int | float:
    """Return a table's cell as a number where it is written as one, so that ranges can be asked."""
    if _WHOLE.fullmatch(cell):
        return int(cell)
    return float(cell) if _DECIMAL.fullmatch(cell) else cell


def _fitted(value: Any) -> Any:
    if isinstance(value, str):
        return clean(value)[:MOST_TEXT]
    if isinstance(value, list):
        return [_fitted(each) for each in value[:MOST_LIST]]
    return value


def _is_taken(key: str, value: Any) -> bool:
    if key == "csl" and isinstance(value, dict):
        return True
    try:
        _METADATA.validate_python({key: value})
    except ValidationError:
        return False
    return True
