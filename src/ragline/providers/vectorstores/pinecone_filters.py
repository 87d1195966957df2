"""Filters in the words of Pinecone."""

from __future__ import annotations

from collections.abc import Sequence

from ragline.providers.vectorstores.pinecone_calls import Json
from ragline.providers.vectorstores.tokens import EVERY, AnyOf, Condition, Every, NoneOf, Some

FACTS = "facts"
_NEVER = "-"  # no token has one letter only


def words(condition: Condition) -> Json:
    """Return a condition on tokens in Pinecone's words.

    What `$nin` means for a list is not said: whether none of its values, or not all of them,
    are among those given. Either way it lets all through that should pass.
    """
    match condition:
        case AnyOf(tokens):
            return {FACTS: {"$in": list(tokens) or [_NEVER]}}
        case NoneOf(tokens):
            return {FACTS: {"$nin": list(tokens) or [_NEVER]}}
        case Every(parts):
            return _joined("$and", parts) if parts else {FACTS: {"$in": [EVERY]}}
        case Some(parts):
            return _joined("$or", parts) if parts else {FACTS: {"$in": [_NEVER]}}


def needs_check(condition: Condition) -> bool:
    """Tell whether more may come through than should pass."""
    match condition:
        case AnyOf():
            return False
        case NoneOf():
            return True
        case Every(parts) | Some(parts):
            return any(map(needs_check, parts))


def _joined(operator: str, parts: Sequence[Condition]) -> Json:
    return {operator: [words(part) for part in parts]}
