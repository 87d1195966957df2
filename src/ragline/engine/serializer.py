"""JSON for everything the engine stores, exceptions and datetimes included.

Nothing read from the database can name code to import: an exception comes back as the
class of our own tree, or of Python's built-in ones, that it was, else as `EngineFault`.
"""

from __future__ import annotations

import builtins
import json
from datetime import date, datetime
from typing import Any

from dbos import Serializer

from ragline import errors

_TAG = "$ragline"


class EngineFault(Exception):
    """An exception of a class that is not brought back from the database."""


class JsonSerializer(Serializer):
    """Stores workflow inputs, step results and errors as tagged JSON."""

    def name(self) -> str:
        """Return the name stored beside each value."""
        return "ragline_json"

    def serialize(self, data: Any) -> str:
        """Return JSON; what JSON cannot say is tagged, and what is unknown refused."""
        return json.dumps(data, default=_encode, ensure_ascii=False, separators=(",", ":"))

    def deserialize(cls, serialized_data: str) -> Any:
        """Return what was serialized; tuples come back as lists."""
        return json.loads(serialized_data, object_hook=_decode)


def _encode(value: object) -> dict[str, Any]:
    if isinstance(value, datetime):
        return {_TAG: "datetime", "value": value.isoformat()}
    if isinstance(value, date):
        return {_TAG: "date", "value": value.isoformat()}
    if isinstance(value, BaseException):
        return {
            _TAG: "exception",
            "type": type(value).__name__,
            "message": str(getattr(value, "message", value)),
            # The engine's own errors carry the failures of each try in `errors`.
            "causes": [
                _encode(e) for e in getattr(value, "errors", []) if isinstance(e, Exception)
            ],
        }
    raise TypeError(f"A workflow passes {type(value).__name__}; pass ids and plain values instead.")


def _decode(value: dict[str, Any]) -> Any:
    tag = value.get(_TAG)
    if tag == "datetime":
        return datetime.fromisoformat(value["value"])
    if tag == "date":
        return date.fromisoformat(value["value"])
    if tag == "exception":
        return _exception(value)
    return value


def _exception(value: dict[str, Any]) -> BaseException:
    name, message = value["type"], value["message"]
    known = getattr(errors, name, None) or getattr(builtins, name, None)
    if value["causes"]:
        fault = EngineFault(f"{name}: {message}")
        fault.errors = value["causes"]  # type: ignore[attr-defined]  # read by `retry.cause_of`
        return fault
    if isinstance(known, type) and issubclass(known, Exception):
        try:
            return known(message)
        except TypeError:  # a built-in with other arguments, such as UnicodeDecodeError
            return EngineFault(f"{name}: {message}")
    return EngineFault(f"{name}: {message}")
