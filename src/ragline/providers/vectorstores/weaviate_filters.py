"""Filters in the words of Weaviate."""

from __future__ import annotations

from collections.abc import Sequence

from weaviate.classes.query import Filter as Words
from weaviate.collections.classes.filters import FilterReturn

from ragline.providers.contracts import Filter
from ragline.providers.vectorstores.tokens import (
    EVERY,
    AnyOf,
    Condition,
    Every,
    NoneOf,
    Some,
    condition_of,
)

_NEVER = "-"  # no token has one letter only


def passing(filter: Filter) -> FilterReturn:
    """Return the condition that a chunk's metadata pass a filter."""
    return _words(condition_of(filter))


def all_of(conditions: Sequence[FilterReturn]) -> FilterReturn | None:
    """Return the condition that all hold; None where there is none."""
    if len(conditions) < 2:
        return next(iter(conditions), None)
    return Words.all_of(list(conditions))


def _words(condition: Condition) -> FilterReturn:
    facts = Words.by_property("facts")
    match condition:
        case AnyOf(tokens):
            return facts.contains_any(list(tokens) or [_NEVER])
        case NoneOf(tokens):
            return facts.contains_none(list(tokens) or [_NEVER])
        case Every(parts):
            return all_of([_words(part) for part in parts]) or facts.contains_any([EVERY])
        case Some(parts):
            if len(parts) < 2:
                return _words(parts[0]) if parts else facts.contains_any([_NEVER])
            return Words.any_of([_words(part) for part in parts])
