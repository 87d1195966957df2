"""Filters on metadata in the words of PostgreSQL."""

from __future__ import annotations

import json
from collections.abc import Mapping

from ragline.providers.contracts import Comparison, Filter, MetadataValue
from ragline.providers.vectorstores.metadata import NUMBER, field_of, stored, typed

_RANGES = {"gt": ">", "gte": ">=", "lt": "<", "lte": "<="}


def document_of(metadata: Mapping[str, object]) -> str:
    """Return metadata as the JSON that conditions are asked of."""
    return json.dumps(stored(metadata))


def condition_of(filter: Filter | None, parameters: dict[str, object]) -> str:
    """Return the condition that a chunk's metadata pass a filter, adding its `parameters`.

    What users wrote is in the parameters only. A value of another type than the key's equals
    nothing and is in no order to it; so `ne` and `nin`, as the contraries of `eq` and `in`,
    hold for it and where the key is missing.
    """
    if filter is None:
        return "TRUE"
    if isinstance(filter, Comparison):
        return _comparison(filter, parameters)
    parts = [condition_of(part, parameters) for part in filter.filters]
    if filter.operator == "and":
        return f"({' AND '.join(parts)})" if parts else "TRUE"
    return f"({' OR '.join(parts)})" if parts else "FALSE"


def _comparison(comparison: Comparison, parameters: dict[str, object]) -> str:
    """Return the condition of one comparison."""
    value = comparison.value
    values = value if isinstance(value, tuple) else (value,)
    if comparison.operator in _RANGES:
        return _range(comparison.key, _RANGES[comparison.operator], values, parameters)
    among = _any_of(comparison.key, values, parameters)
    is_negative = comparison.operator in ("ne", "nin")
    return f"NOT {among}" if is_negative else among


def _range(
    key: str, sign: str, values: tuple[MetadataValue, ...], parameters: dict[str, object]
) -> str:
    """Return the condition of being above or below the one number given."""
    form = typed(values[0]) if len(values) == 1 else None
    if form is None or form[0] != NUMBER:
        return "FALSE"
    path = f"$.{field_of(key)}.{NUMBER}[*] ? (@ {sign} {form[1]!r})"
    return f"metadata @? {_placed(path, parameters)}::jsonpath"


def _any_of(key: str, values: tuple[MetadataValue, ...], parameters: dict[str, object]) -> str:
    """Return the condition of equalling one of the values."""
    forms = [form for form in map(typed, values) if form is not None]
    if not forms:
        return "FALSE"
    # One containment for each value, since the index does not serve `@> ANY (…)`.
    documents = [json.dumps({field_of(key): {kind: [form]}}) for kind, form in forms]
    parts = [f"metadata @> {_placed(each, parameters)}::jsonb" for each in documents]
    return f"({' OR '.join(parts)})"


def _placed(value: str, parameters: dict[str, object]) -> str:
    """Add a parameter and return where it goes."""
    name = f"filter_{len(parameters)}"
    parameters[name] = value
    return f"%({name})s"
