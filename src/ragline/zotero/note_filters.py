"""Attribute filters on what a library says of its works, as search understands them."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from typing import Any

from ragline.providers.contracts import Comparison, Compound, Filter

_ORDERED: Mapping[str, Callable[[Any, Any], bool]] = {
    "gt": operator.gt,
    "gte": operator.ge,
    "lt": operator.lt,
    "lte": operator.le,
}


def fits(filter: Filter, metadata: Mapping[str, Any]) -> bool:
    """Tell whether metadata fit a filter; of a list of values any may do so."""
    if isinstance(filter, Compound):
        every = all if filter.operator == "and" else any
        return every(fits(part, metadata) for part in filter.filters)
    return _compared(filter, _values(metadata.get(filter.key)))


def _compared(comparison: Comparison, values: list[Any]) -> bool:
    wanted = comparison.value if isinstance(comparison.value, tuple) else (comparison.value,)
    if comparison.operator in ("eq", "in"):
        return any(_same(value, each) for value in values for each in wanted)
    if comparison.operator in ("ne", "nin"):
        return not any(_same(value, each) for value in values for each in wanted)
    compare = _ORDERED[comparison.operator]
    return any(_kind(value) == _kind(wanted[0]) and compare(value, wanted[0]) for value in values)


def _same(value: Any, other: Any) -> bool:
    return _kind(value) == _kind(other) and bool(value == other)


def _kind(value: Any) -> str:
    """Return the type in which values are compared: truth values are no numbers."""
    if isinstance(value, bool):
        return "truth"
    return "number" if isinstance(value, int | float) else type(value).__name__


def _values(value: Any) -> list[Any]:
    if value is None:
        return []
    return list(value) if isinstance(value, list) else [value]
