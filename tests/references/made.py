"""Libraries made for tests."""

from __future__ import annotations

import json
from typing import Any

from ragline.references.reading import Format, detect_format, read_references
from ragline.references.records import ReadLibrary, Reference


def read(content: str | bytes | list[Any] | dict[str, Any], name: str = "library") -> ReadLibrary:
    """Return the library of some text or JSON, in the format it is found to have."""
    raw = content if isinstance(content, bytes) else _text(content).encode()
    return read_references(raw, format_of(raw, name))


def format_of(content: bytes, name: str = "library") -> Format:
    """Return the format of a library that has one."""
    format = detect_format(content, name)
    assert format is not None, content[:200]
    return format


def one(content: str | bytes | list[Any] | dict[str, Any]) -> Reference:
    """Return the only work of a library, read without a warning."""
    library = read(content)
    assert [] == library.warnings
    assert 1 == len(library.references)
    return library.references[0]


def _text(content: str | list[Any] | dict[str, Any]) -> str:
    return content if isinstance(content, str) else json.dumps(content)
