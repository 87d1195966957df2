"""Pinecone's REST interface: indexes and the records of their namespaces, with its delays.

It keeps to the published reference (docs.pinecone.io, version 2025-10). There was no account at
hand to compare it with.
"""

from __future__ import annotations

import itertools
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

import numpy as np
from tests.fakes.store_faults import Faults, FaultyHandler, serving

Json = dict[str, Any]
Reply = tuple[int, Any, dict[str, str]]
MOST_BYTES = 2 * 1024 * 1024


@dataclass
class Namespace:
    """Records as they were written, and as searches see them; `behind` reads later that is one."""

    written: dict[str, Json] = field(default_factory=dict)
    seen: dict[str, Json] = field(default_factory=dict)
    number: int = 0
    seen_number: int = 0
    behind: int = 0

    def read(self) -> dict[str, Json]:
        """Return what searches see now."""
        if self.behind:
            self.behind -= 1
        else:
            self.seen, self.seen_number = dict(self.written), self.number
        return self.seen


class FakePinecone:
    """Holds indexes; after each write, `lag` reads of its namespace still see the old state.

    With `loose`, `$nin` lets through lists of which any value is not among those given.
    """

    def __init__(self, *, api_key: str = "key", lag: int = 1, loose: bool = False) -> None:
        self.faults = Faults()
        self.indexes: dict[str, Json] = {}
        self.spaces: dict[tuple[str, str], Namespace] = {}
        self.lag, self.loose = lag, loose
        self._api_key = api_key
        self._lock = threading.RLock()
        self.url = ""

    @contextmanager
    def running(self) -> Iterator[FakePinecone]:
        """Serve until the block ends; what it holds outlives it."""
        with serving(self._handler(), self.faults) as self.url:
            yield self

    def namespaces(self, index: str) -> set[str]:
        """Return the names of an index's namespaces that hold something."""
        return {
            name for (held, name), each in self.spaces.items() if held == index and each.written
        }

    def reply(self, method: str, path: str, body: bytes, headers: Any) -> Reply:
        """Return status, result and headers of a call."""
        if headers.get("Api-Key") != self._api_key:
            return _error(401, "Invalid API Key")
        if not headers.get("X-Pinecone-API-Version"):
            return _error(400, "the version is missing")
        if len(body) > MOST_BYTES:
            return _error(413, "message length too large: the limit is 2MB")
        parts = urlsplit(path)
        given = json.loads(body) if body else {k: v[0] for k, v in parse_qs(parts.query).items()}
        with self._lock:
            if parts.path.startswith("/indexes"):
                return self._control(method, parts.path.removeprefix("/indexes").strip("/"), given)
            _, _, index, call = parts.path.split("/", 3)
            return self._data(index, call, given)

    def _control(self, method: str, name: str, given: Json) -> Reply:
        if method == "POST":
            if given["name"] in self.indexes:
                return _error(409, "Resource already exists")
            status = {"ready": True, "state": "Ready"}
            host = f"{self.url}/at/{given['name']}"
            self.indexes[given["name"]] = given | {"host": host, "status": status}
            return 201, self.indexes[given["name"]], {}
        found = self.indexes.get(name)
        return (200, found, {}) if found else _error(404, f"Resource {name} not found")

    def _data(self, index: str, call: str, given: Json) -> Reply:
        if call == "describe_index_stats":
            counts = {
                name: {"vectorCount": len(each.read())}
                for (held, name), each in self.spaces.items()
                if held == index
            }
            return 200, {"namespaces": {k: v for k, v in counts.items() if v["vectorCount"]}}, {}
        space = self.spaces.setdefault((index, given["namespace"]), Namespace())
        match call:
            case "vectors/upsert":
                wrong = [w for each in given["vectors"] if (w := self._wrong(index, each))]
                if wrong:
                    return _error(400, wrong[0])
                space.written |= {each["id"]: each for each in given["vectors"]}
                return self._wrote(space, {"upsertedCount": len(given["vectors"])})
            case "vectors/delete":
                if len(given.get("ids", ())) > 1_000:
                    return _error(400, "at most 1000 ids")
                for key in list(space.written) if given.get("deleteAll") else given["ids"]:
                    space.written.pop(key, None)
                return self._wrote(space, {})
            case "vectors/list":
                return self._list(space.read(), given)
            case "query":
                return self._query(index, space, given)
        return _error(404, "not found")

    def _wrote(self, space: Namespace, told: Json) -> Reply:
        space.number += 1
        space.behind = self.lag
        return 200, told, {"x-pinecone-request-lsn": str(space.number)}

    def _list(self, seen: dict[str, Json], given: Json) -> Reply:
        ids = sorted(key for key in seen if key.startswith(given.get("prefix", "")))
        start, limit = int(given.get("paginationToken", 0)), int(given.get("limit", 100))
        page: Json = {"vectors": [{"id": key} for key in ids[start : start + limit]]}
        if start + limit < len(ids):
            page["pagination"] = {"next": str(start + limit)}
        return 200, page, {}

    def _query(self, index: str, space: Namespace, given: Json) -> Reply:
        if not 1 <= given["topK"] <= 10_000:
            return _error(400, "topK must be between 1 and 10000")
        is_sparse = self.indexes[index]["vector_type"] == "sparse"
        held = space.read().values()
        passing = [each for each in held if self._passes(given.get("filter"), each["metadata"])]
        scores = [(_dot if is_sparse else _cosine)(given, each) for each in passing]
        ranked = sorted(zip(passing, scores, strict=True), key=lambda pair: -pair[1])
        matches = [
            {"id": each["id"], "score": score}
            | ({"metadata": each["metadata"]} if given.get("includeMetadata") else {})
            for each, score in ranked
            if not is_sparse or score > 0
        ]
        headers = {"x-pinecone-max-indexed-lsn": str(space.seen_number)}
        return 200, {"matches": matches[: given["topK"]]}, headers

    def _wrong(self, index: str, record: Json) -> str | None:
        """Return what is wrong with a record."""
        described = self.indexes[index]
        if described["vector_type"] == "sparse":
            if not record["sparseValues"]["indices"]:
                return "Sparse vector must contain at least one value"
        elif len(record["values"]) != described["dimension"] or not any(record["values"]):
            return "Vector dimension does not match the dimension of the index"
        if len(json.dumps(record["metadata"])) > 40_960:
            return "Metadata size exceeds the limit of 40960 bytes per vector"
        kinds = itertools.chain.from_iterable(
            value if isinstance(value, list) else [value] for value in record["metadata"].values()
        )
        return None if all(isinstance(each, str) for each in kinds) else "Invalid metadata value"

    def _passes(self, filter: Json | None, metadata: Json) -> bool:
        if filter is None:
            return True
        [(key, asked)] = filter.items()
        if key in ("$and", "$or"):
            parts = [self._passes(each, metadata) for each in asked]
            return all(parts) if key == "$and" else any(parts)
        [(operator, wanted)] = asked.items()
        held = metadata[key] if isinstance(metadata[key], list) else [metadata[key]]
        if operator == "$in":
            return bool(set(held) & set(wanted))
        assert operator == "$nin", "nothing else is sent"
        return bool(set(held) - set(wanted)) if self.loose else not set(held) & set(wanted)

    def _handler(self) -> type[FaultyHandler]:
        fake = self

        class Handler(FaultyHandler):
            faults = fake.faults

            def answer(self, method: str, path: str, body: bytes) -> tuple[int, Any, bytes]:
                status, told, headers = fake.reply(method, path, body, self.headers)
                return status, headers, json.dumps(told).encode()

        return Handler


def _error(status: int, message: str) -> Reply:
    return status, {"error": {"message": message}, "status": status}, {}


def _cosine(asked: Json, record: Json) -> float:
    one, other = np.array(asked["vector"]), np.array(record["values"])
    return float(one @ other / (np.linalg.norm(one) * np.linalg.norm(other)))


def _dot(asked: Json, record: Json) -> float:
    held, sparse = record["sparseValues"], asked["sparseVector"]
    weights = dict(zip(held["indices"], held["values"], strict=True))
    pairs = zip(sparse["indices"], sparse["values"], strict=True)
    return float(sum(weights.get(index, 0.0) * value for index, value in pairs))
