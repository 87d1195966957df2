"""Filters on metadata in the words of Qdrant Edge."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from qdrant_edge import (
    FieldCondition,
    FloatIndexParams,
    HasIdCondition,
    HasVectorCondition,
    IsEmptyCondition,
    IsNullCondition,
    KeywordIndexParams,
    MatchValue,
    NestedCondition,
    RangeFloat,
)
from qdrant_edge import Filter as EdgeFilter

from ragline.providers.contracts import Comparison, Filter, MetadataValue
from ragline.providers.vectorstores.metadata import NUMBER, field_of, stored, typed

ROOT = "metadata"

Conditions = list[
    FieldCondition
    | IsEmptyCondition
    | IsNullCondition
    | HasIdCondition
    | HasVectorCondition
    | NestedCondition
    | EdgeFilter
]
"""The engine's own type of list, which its filters ask for by name."""

_RANGES: dict[str, Callable[[float], RangeFloat]] = {
    "gt": lambda bound: RangeFloat(gt=bound),
    "gte": lambda bound: RangeFloat(gte=bound),
    "lt": lambda bound: RangeFloat(lt=bound),
    "lte": lambda bound: RangeFloat(lte=bound),
}
_NOTHING = EdgeFilter(must=[HasIdCondition(set())])


def condition_of(filter: Filter) -> EdgeFilter:
    """Return the condition that a chunk's metadata pass a filter.

    A value of another type than the key's equals nothing and is in no order to it; so `ne`
    and `nin`, as the contraries of `eq` and `in`, hold for it and where the key is missing.
    """
    if isinstance(filter, Comparison):
        return _comparison(filter)
    parts: Conditions = [condition_of(part) for part in filter.filters]
    if filter.operator == "and":
        return EdgeFilter(must=parts)
    return EdgeFilter(should=parts) if parts else _NOTHING


def _comparison(comparison: Comparison) -> EdgeFilter:
    """Return the condition of one comparison."""
    value = comparison.value
    values = value if isinstance(value, tuple) else (value,)
    if comparison.operator in _RANGES:
        return _range(comparison.key, comparison.operator, values)
    among = _any_of(comparison.key, values)
    is_negative = comparison.operator in ("ne", "nin")
    return EdgeFilter(must_not=[among]) if is_negative else among


def _range(key: str, operator: str, values: tuple[MetadataValue, ...]) -> EdgeFilter:
    """Return the condition of being above or below the one number given."""
    form = typed(values[0]) if len(values) == 1 else None
    if form is None or form[0] != NUMBER:
        return _NOTHING
    bounds = _RANGES[operator](float(form[1]))
    return EdgeFilter(must=[FieldCondition(_path(key, NUMBER), range=bounds)])


def _any_of(key: str, values: tuple[MetadataValue, ...]) -> EdgeFilter:
    """Return the condition of equalling one of the values."""
    forms = [form for form in map(typed, values) if form is not None]
    conditions: Conditions = [_equals(key, kind, form) for kind, form in forms]
    return EdgeFilter(should=conditions) if conditions else _NOTHING


def equal(field: str, value: str | int) -> FieldCondition:
    """Return the condition that a payload field has a value."""
    return FieldCondition(field, match=MatchValue(value))


def _equals(key: str, kind: str, form: str | float) -> FieldCondition:
    """Return the condition of equalling a stored form."""
    if isinstance(form, float):
        return FieldCondition(_path(key, kind), range=RangeFloat(gte=form, lte=form))
    return equal(_path(key, kind), form)


def metadata_fields(metadata: Mapping[str, object]) -> list[str]:
    """Return the payload fields that metadata fill."""
    return [f"{ROOT}.{field}.{kind}" for field, kinds in stored(metadata).items() for kind in kinds]


def schema_of(field: str) -> FloatIndexParams | KeywordIndexParams:
    """Return the kind of index that serves a payload field; none has graphs of its own."""
    if field.endswith(f".{NUMBER}"):
        return FloatIndexParams(enable_hnsw=False)
    return KeywordIndexParams(enable_hnsw=False)


def _path(key: str, kind: str) -> str:
    return f"{ROOT}.{field_of(key)}.{kind}"
