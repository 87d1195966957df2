"""Metadata as a vector database can hold it: any key, any value, types kept apart."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Mapping

TEXT, NUMBER, TRUTH = "text", "number", "truth"

Typed = tuple[str, str | float]


def field_of(key: str) -> str:
    """Return the field that stands for a metadata key.

    A hash, since keys come from users: dots, quotes and brackets mean something in the
    paths of most databases.
    """
    digest = hashlib.blake2b(key.encode("utf-8", "surrogatepass"), digest_size=8)
    return f"k{digest.hexdigest()}"


def typed(value: object) -> Typed | None:
    """Return the type and stored form of a value, or None for one that cannot be compared.

    Whole and broken numbers are one type; truth values are no numbers.
    """
    if isinstance(value, bool):
        return TRUTH, "true" if value else "false"
    if isinstance(value, str):
        # PostgreSQL takes neither half characters nor the character 0.
        return TEXT, value.encode("utf-8", "replace").decode("utf-8").replace("\0", "?")
    if isinstance(value, int | float):
        try:
            number = float(value)
        except OverflowError:
            return None
        return (NUMBER, number) if math.isfinite(number) else None
    return None


def stored(metadata: Mapping[str, object]) -> dict[str, dict[str, list[str | float]]]:
    """Return metadata by field and type; a list holds each of its values, objects are left out."""
    fields: dict[str, dict[str, list[str | float]]] = {}
    for key, value in metadata.items():
        by_type: dict[str, list[str | float]] = {}
        for kind, form in _each(value):
            by_type.setdefault(kind, []).append(form)
        if by_type:
            fields[field_of(key)] = by_type
    return fields


def _each(value: object) -> Iterable[Typed]:
    """Yield the comparable values of a value or of a list of them."""
    values = value if isinstance(value, list | tuple) else [value]
    return [form for form in map(typed, values) if form is not None]
