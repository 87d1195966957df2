"""Metadata and filters as tokens, for stores that only know whether a list holds a text.

A value is one token. A number is sixteen: the beginnings of its sixteen hexadecimal digits, in
an order in which numbers and their digits rise together. All numbers above a bound are then
those with one of some beginnings, so that comparisons are exact without a range index.
"""

from __future__ import annotations

import base64
import hashlib
import struct
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from ragline.providers.contracts import Comparison, Filter, MetadataValue
from ragline.providers.vectorstores.metadata import NUMBER, field_of, stored, typed

EVERY = "*"
"""The token that all metadata have, so that there are always some."""
_DIGITS = "0123456789abcdef"
_LENGTH = 16
_SIGN, _ALL = 1 << 63, (1 << 64) - 1


@dataclass(frozen=True, slots=True)
class AnyOf:
    """Holds where there is one of these tokens."""

    tokens: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class NoneOf:
    """Holds where there is none of these tokens."""

    tokens: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Every:
    """Holds where all parts do."""

    parts: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class Some:
    """Holds where one part does."""

    parts: tuple[Condition, ...]


Condition = AnyOf | NoneOf | Every | Some


def tokens_of(metadata: Mapping[str, object]) -> list[str]:
    """Return the tokens of metadata; objects and what cannot be compared have none."""
    tokens = {EVERY}
    for field, kinds in stored(metadata).items():
        for kind, forms in kinds.items():
            for form in forms:
                tokens.update(_tokens(field, kind, form))
    return sorted(tokens)


def condition_of(filter: Filter) -> Condition:
    """Return the condition on tokens that metadata pass a filter.

    A value of another type than the key's equals nothing and is in no order to it; so `ne`
    and `nin`, as the contraries of `eq` and `in`, hold for it and where the key is missing.
    """
    if not isinstance(filter, Comparison):
        parts = tuple(map(condition_of, filter.filters))
        return Every(parts) if filter.operator == "and" else Some(parts)
    value = filter.value
    values = value if isinstance(value, tuple) else (value,)
    field = field_of(filter.key)
    if filter.operator in ("gt", "gte", "lt", "lte"):
        return AnyOf(tuple(_beyond(field, filter.operator, values)))
    forms = [form for form in map(typed, values) if form is not None]
    equals = tuple(_whole(field, kind, form) for kind, form in forms)
    return NoneOf(equals) if filter.operator in ("ne", "nin") else AnyOf(equals)


def holds(condition: Condition, tokens: Collection[str]) -> bool:
    """Tell whether tokens meet a condition."""
    match condition:
        case AnyOf(wanted):
            return any(token in tokens for token in wanted)
        case NoneOf(unwanted):
            return not any(token in tokens for token in unwanted)
        case Every(parts):
            return all(holds(part, tokens) for part in parts)
        case Some(parts):
            return any(holds(part, tokens) for part in parts)


def _beyond(field: str, operator: str, values: tuple[MetadataValue, ...]) -> Iterator[str]:
    """Yield the tokens of which a number above, or below, the one bound has one."""
    form = typed(values[0]) if len(values) == 1 else None
    if form is None or form[0] != NUMBER:
        return
    digits = _digits(float(form[1]))
    for place, digit in enumerate(digits):
        at = _DIGITS.index(digit)
        others = _DIGITS[at + 1 :] if operator.startswith("gt") else _DIGITS[:at]
        for other in others:
            yield _token(field, NUMBER, digits[:place] + other)
    if operator.endswith("e"):
        yield _token(field, NUMBER, digits)


def _tokens(field: str, kind: str, form: str | float) -> Iterator[str]:
    if not isinstance(form, float):
        yield _token(field, kind, form)
        return
    digits = _digits(form)
    for length in range(1, _LENGTH + 1):
        yield _token(field, kind, digits[:length])


def _whole(field: str, kind: str, form: str | float) -> str:
    """Return the token that only this value has."""
    return _token(field, kind, _digits(form) if isinstance(form, float) else form)


def _digits(number: float) -> str:
    """Return a number's bits as digits that rise with it; both zeros are one."""
    (bits,) = struct.unpack(">Q", struct.pack(">d", number + 0.0))
    return f"{(bits ^ _ALL) if bits & _SIGN else (bits | _SIGN):016x}"


def _token(field: str, kind: str, form: str) -> str:
    """Return a short token; texts may be long, and stores limit what they filter by."""
    told = f"{field}\0{kind}\0{form}".encode()
    return base64.urlsafe_b64encode(hashlib.blake2b(told, digest_size=12).digest()).decode()
