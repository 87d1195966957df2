"""Qdrant's REST interface in front of Qdrant Edge, the same engine as in the server.

Only the calls that Ragline makes are there. No server was at hand to compare it with: what is
proven is the real client's side of the protocol and the engine's own answers to it.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import qdrant_edge as edge
from tests.fakes.store_faults import Faults, FaultyHandler, serving

Json = dict[str, Any]


class FakeQdrant:
    """Holds collections in a folder; answers those who send `api_key`, if one is set."""

    def __init__(
        self, folder: Path, *, api_key: str | None = None, version: str = "1.20.0"
    ) -> None:
        self.faults = Faults()
        self.collections: dict[str, _Collection] = {}
        self._folder, self._api_key, self._version = folder, api_key, version
        self._lock = threading.RLock()
        self.url = ""

    @contextmanager
    def running(self) -> Iterator[FakeQdrant]:
        """Serve until the block ends; collections outlive it."""
        with serving(self._handler(), self.faults) as self.url:
            yield self

    def close(self) -> None:
        """Release the collections."""
        for collection in self.collections.values():
            collection.shard.close()

    def reply(self, method: str, path: str, body: Json, key: str | None) -> tuple[int, Any]:
        """Return status and result of a call."""
        if self._api_key not in (None, key):
            return 401, "Must provide an API key or an Authorization bearer token"
        path = path.partition("?")[0]
        if path == "/":
            return 200, {"title": "qdrant", "version": self._version}
        match = re.fullmatch(r"/collections/([\w-]+)(/.*)?", path)
        if match is None:
            return 404, "not found"
        with self._lock:
            return self._of_collection(method, match[1], match[2] or "", body)

    def _of_collection(self, method: str, name: str, rest: str, body: Json) -> tuple[int, Any]:
        held = self.collections.get(name)
        if (method, rest) == ("GET", "/exists"):
            return 200, {"exists": held is not None}
        if (method, rest) == ("PUT", ""):
            if held is not None:
                return 409, f"Collection `{name}` already exists!"
            self.collections[name] = _Collection(self._folder / name, body)
            return 200, True
        if held is None:
            return 404, f"Not found: Collection `{name}` doesn't exist!"
        call = held.calls.get((method, rest))
        if call is None:
            return 404, "not found"
        try:
            return 200, call(body)
        except ValueError as error:
            return 400, str(error)

    def _handler(self) -> type[FaultyHandler]:
        fake = self

        class Handler(FaultyHandler):
            faults = fake.faults

            def answer(self, method: str, path: str, body: bytes) -> tuple[int, Json, bytes]:
                key = self.headers.get("api-key")
                status, result = fake.reply(method, path, json.loads(body or b"{}"), key)
                told: Json = {"time": 0.0, "status": "ok", "result": result}
                if path == "/":
                    told = result
                elif status != 200:
                    told = {"time": 0.0, "status": {"error": result}}
                return status, {}, json.dumps(told).encode()

        return Handler


class _Collection:
    """One shard, and the calls it answers."""

    def __init__(self, folder: Path, body: Json) -> None:
        folder.mkdir(parents=True)
        self.body = body
        self.schema: Json = {}
        dense = {
            name: edge.EdgeVectorParams(
                size=each["size"],
                distance=getattr(edge.Distance, each["distance"]),
                datatype=edge.VectorStorageDatatype.Float16,
            )
            for name, each in body["vectors"].items()
        }
        sparse = {
            name: edge.EdgeSparseVectorParams(modifier=edge.Modifier.Idf)
            for name in body["sparse_vectors"]
        }
        config = edge.EdgeConfig(vectors=dense, sparse_vectors=sparse)
        self.shard = edge.EdgeShard.create(str(folder), config)
        self.calls: dict[tuple[str, str], Callable[[Json], Any]] = {
            ("GET", ""): self._info,
            ("PUT", "/index"): self._index,
            ("PUT", "/points"): self._upsert,
            ("POST", "/points/delete"): self._delete,
            ("POST", "/points/count"): self._count,
            ("POST", "/points/scroll"): self._scroll,
            ("POST", "/points/query"): self._query,
        }

    @property
    def points(self) -> int:
        """How many points there are."""
        return self.shard.count(edge.CountRequest(exact=True))

    def _info(self, _body: Json) -> Json:
        asked = self.body
        params = {"vectors": asked["vectors"], "sparse_vectors": asked["sparse_vectors"]}
        hnsw = {"m": 16, "ef_construct": 100, "full_scan_threshold": 10_000}
        optimizer = {
            "deleted_threshold": 0.2,
            "vacuum_min_vector_number": 1000,
            "default_segment_number": 0,
            "flush_interval_sec": 5,
        }
        return {
            "status": "green",
            "optimizer_status": "ok",
            "segments_count": 1,
            "points_count": self.points,
            "payload_schema": self.schema,
            "config": {"params": params, "hnsw_config": hnsw, "optimizer_config": optimizer},
        }

    def _index(self, body: Json) -> Json:
        name, schema = body["field_name"], body["field_schema"]
        kind = schema if isinstance(schema, str) else schema["type"]
        kinds = edge.PayloadSchemaType
        made = {"keyword": kinds.Keyword, "float": kinds.Float, "integer": kinds.Integer}[kind]
        if isinstance(schema, dict):
            made = edge.KeywordIndexParams(is_tenant=bool(schema.get("is_tenant")))
        self.shard.update(edge.UpdateOperation.create_field_index(name, made))
        self.schema[name] = {"data_type": kind, "points": 0}
        return {"operation_id": 1, "status": "completed"}

    def _upsert(self, body: Json) -> Json:
        points = [
            edge.Point(
                each["id"], {k: _vector(v) for k, v in each["vector"].items()}, each["payload"]
            )
            for each in body["points"]
        ]
        return self._update(edge.UpdateOperation.upsert_points(points))

    def _delete(self, body: Json) -> Json:
        among = _filter(body["filter"])
        return self._update(edge.UpdateOperation.delete_points_by_filter(among))

    def _update(self, operation: Any) -> Json:
        self.shard.update(operation)
        return {"operation_id": 1, "status": "completed"}

    def _count(self, body: Json) -> Json:
        request = edge.CountRequest(filter=_filter(body.get("filter")), exact=True)
        return {"count": self.shard.count(request)}

    def _scroll(self, body: Json) -> Json:
        request = edge.ScrollRequest(
            offset=body.get("offset"),
            limit=body["limit"],
            filter=_filter(body.get("filter")),
            with_payload=body["with_payload"],
        )
        records, offset = self.shard.scroll(request)
        points = [{"id": str(each.id), "payload": each.payload} for each in records]
        return {"points": points, "next_page_offset": None if offset is None else str(offset)}

    def _query(self, body: Json) -> Json:
        query = body["query"]
        query = query.get("nearest", query) if isinstance(query, dict) else query
        idf = (body.get("params") or {}).get("idf")
        params = edge.SearchParams(
            idf=edge.IdfParams(_filter(idf["corpus"])) if idf else None,
            exact=bool((body.get("params") or {}).get("exact")),
        )
        request = edge.QueryRequest(
            limit=body["limit"],
            query=edge.Query.Nearest(_vector(query), using=body["using"]),
            filter=_filter(body.get("filter")),
            params=params,
            with_payload=body["with_payload"],
        )
        found = self.shard.query(request)
        points = [
            {"id": str(each.id), "version": 0, "score": each.score, "payload": each.payload}
            for each in found
        ]
        return {"points": points}


def _vector(given: Any) -> Any:
    if isinstance(given, list):
        return given
    return edge.SparseVector(given["indices"], given["values"])


def _filter(given: Json | None) -> edge.Filter | None:
    if given is None:
        return None
    parts = {
        name: [_condition(each) for each in given[name]]
        for name in ("must", "should", "must_not")
        if given.get(name) is not None
    }
    return edge.Filter(**parts)


def _condition(given: Json) -> Any:
    if "has_id" in given:
        return edge.HasIdCondition(set(given["has_id"]))
    if "key" not in given:
        return _filter(given)
    if given.get("range"):
        bounds = {name: value for name, value in given["range"].items() if value is not None}
        return edge.FieldCondition(given["key"], range=edge.RangeFloat(**bounds))
    return edge.FieldCondition(given["key"], match=edge.MatchValue(given["match"]["value"]))
