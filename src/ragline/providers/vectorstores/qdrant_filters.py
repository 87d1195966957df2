"""Filters on metadata, and other conditions, in the words of the Qdrant server."""

from __future__ import annotations

from collections.abc import Mapping

from qdrant_client import models

from ragline.providers.contracts import Comparison, Filter, MetadataValue
from ragline.providers.vectorstores.metadata import NUMBER, field_of, stored, typed

ROOT = "metadata"
_RANGES = ("gt", "gte", "lt", "lte")
_NOTHING = models.Filter(must=[models.HasIdCondition(has_id=[])])


def equal(key: str, value: str | int) -> models.FieldCondition:
    """Return the condition that a field has a value."""
    return models.FieldCondition(key=key, match=models.MatchValue(value=value))


def in_project(project_id: str, filter: Filter | None = None) -> models.Filter:
    """Return the condition of belonging to a project and passing a filter."""
    conditions: list[models.Condition] = [equal("project_id", project_id)]
    if filter is not None:
        conditions.append(condition_of(filter))
    return models.Filter(must=conditions)


def condition_of(filter: Filter) -> models.Filter:
    """Return the condition that a chunk's metadata pass a filter.

    A value of another type than the key's equals nothing and is in no order to it; so `ne`
    and `nin`, as the contraries of `eq` and `in`, hold for it and where the key is missing.
    """
    if isinstance(filter, Comparison):
        return _comparison(filter)
    parts: list[models.Condition] = [condition_of(part) for part in filter.filters]
    if filter.operator == "and":
        return models.Filter(must=parts)
    return models.Filter(should=parts) if parts else _NOTHING


def metadata_fields(metadata: Mapping[str, object]) -> list[str]:
    """Return the payload fields that metadata fill."""
    return [f"{ROOT}.{field}.{kind}" for field, kinds in stored(metadata).items() for kind in kinds]


def schema_of(field: str) -> models.PayloadSchemaType:
    """Return the kind of index that serves a payload field."""
    is_number = field.endswith(f".{NUMBER}")
    return models.PayloadSchemaType.FLOAT if is_number else models.PayloadSchemaType.KEYWORD


def _comparison(comparison: Comparison) -> models.Filter:
    """Return the condition of one comparison."""
    value = comparison.value
    values = value if isinstance(value, tuple) else (value,)
    if comparison.operator in _RANGES:
        return _range(comparison.key, comparison.operator, values)
    among = _any_of(comparison.key, values)
    is_negative = comparison.operator in ("ne", "nin")
    return models.Filter(must_not=[among]) if is_negative else among


def _range(key: str, operator: str, values: tuple[MetadataValue, ...]) -> models.Filter:
    """Return the condition of being above or below the one number given."""
    form = typed(values[0]) if len(values) == 1 else None
    if form is None or form[0] != NUMBER:
        return _NOTHING
    bounds = models.Range.model_validate({operator: float(form[1])})
    return models.Filter(must=[models.FieldCondition(key=_path(key, NUMBER), range=bounds)])


def _any_of(key: str, values: tuple[MetadataValue, ...]) -> models.Filter:
    """Return the condition of equalling one of the values."""
    forms = [form for form in map(typed, values) if form is not None]
    conditions: list[models.Condition] = [_equals(key, kind, form) for kind, form in forms]
    return models.Filter(should=conditions) if conditions else _NOTHING


def _equals(key: str, kind: str, form: str | float) -> models.FieldCondition:
    """Return the condition of equalling a stored form."""
    if isinstance(form, float):
        return models.FieldCondition(key=_path(key, kind), range=models.Range(gte=form, lte=form))
    return equal(_path(key, kind), form)


def _path(key: str, kind: str) -> str:
    return f"{ROOT}.{field_of(key)}.{kind}"
