"""Weaviate, as its own client meets it: REST for collections and tenants, gRPC for objects.

The gRPC side is built on the servicer that the client's package brings, so that requests and
replies are the protocol's own; what they mean is written here after the published
documentation. No server was at hand to compare it with.
"""

from __future__ import annotations

import json
import math
import re
import struct
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import grpc
import numpy as np
from tests.fakes.store_faults import Fault, Faults, FaultyHandler, serving
from weaviate.proto.v1 import (
    aggregate_pb2,
    base_pb2,
    batch_delete_pb2,
    batch_pb2,
    properties_pb2,
    search_get_pb2,
    weaviate_pb2_grpc,
)

Operator = base_pb2.Filters.Operator
CODES = {503: grpc.StatusCode.UNAVAILABLE, 429: grpc.StatusCode.RESOURCE_EXHAUSTED}

HNSW = {
    "cleanupIntervalSeconds": 300,
    "dynamicEfMin": 100,
    "dynamicEfMax": 500,
    "dynamicEfFactor": 8,
    "ef": -1,
    "efConstruction": 128,
    "flatSearchCutoff": 40_000,
    "maxConnections": 32,
    "skip": False,
    "vectorCacheMaxObjects": 1_000_000_000_000,
}


@dataclass
class Stored:
    """An object of a tenant."""

    properties: dict[str, Any]
    vector: np.ndarray[Any, Any]


class FakeWeaviate:
    """Holds collections; answers those who send `api_key`, if one is set.

    No query returns, and no removal removes, more than `most` objects.
    """

    def __init__(
        self, *, api_key: str | None = None, version: str = "1.34.0", most: int = 10_000
    ) -> None:
        self.faults = Faults()
        self.schema: dict[str, dict[str, Any]] = {}
        self.objects: dict[tuple[str, str], dict[str, Stored]] = {}
        self.lock = threading.RLock()
        self.most, self.version = most, version
        self._bearer = None if api_key is None else f"Bearer {api_key}"
        self.url = self.grpc_url = ""

    @contextmanager
    def running(self) -> Iterator[FakeWeaviate]:
        """Serve until the block ends; what it holds outlives it."""
        server = grpc.server(ThreadPoolExecutor(8), options=[("grpc.so_reuseport", 0)])
        weaviate_pb2_grpc.add_WeaviateServicer_to_server(_Servicer(self), server)
        port = server.add_insecure_port("127.0.0.1:0")
        self.grpc_url = f"http://127.0.0.1:{port}"
        server.start()
        try:
            with serving(self._handler(), self.faults) as self.url:
                yield self
        finally:
            server.stop(0).wait()

    def knows(self, bearer: str | None) -> bool:
        """Tell whether a caller may call."""
        return self._bearer in (None, bearer)

    def tenants(self, collection: str) -> set[str]:
        """Return the names of a collection's tenants."""
        return {tenant for name, tenant in self.objects if name == collection}

    def _rest(self, method: str, path: str, body: Any, bearer: str | None) -> tuple[int, Any]:
        if path == "/v1/.well-known/openid-configuration":
            return 404, {}
        if not self.knows(bearer):
            return 401, {"error": [{"message": "anonymous access not enabled"}]}
        if path == "/v1/meta":
            return 200, {"version": self.version, "hostname": "http://[::]:8080", "modules": {}}
        if (method, path) == ("POST", "/v1/schema"):
            return self._create(body)
        match = re.fullmatch(r"/v1/schema/(\w+)(/tenants)?", path)
        if match is None or match[1] not in self.schema:
            return 404, {"error": [{"message": "class not found"}]}
        if match[2] and method == "DELETE":
            for tenant in body:
                self.objects.pop((match[1], tenant), None)
            return 200, {}
        return 200, self.schema[match[1]]

    def _create(self, body: Any) -> tuple[int, Any]:
        name = body["class"]
        if name in self.schema:
            return 422, {"error": [{"message": f"class name {name} already exists"}]}
        defaults = {"indexFilterable": True, "indexSearchable": False, "indexRangeFilters": False}
        body["properties"] = [defaults | each for each in body["properties"]]
        for vector in body["vectorConfig"].values():
            vector["vectorIndexConfig"] = HNSW | vector["vectorIndexConfig"]
        self.schema[name] = body
        return 200, body

    def _handler(self) -> type[FaultyHandler]:
        fake = self

        class Handler(FaultyHandler):
            faults = fake.faults

            def answer(self, method: str, path: str, body: bytes) -> tuple[int, Any, bytes]:
                with fake.lock:
                    bearer = self.headers.get("authorization")
                    status, told = fake._rest(method, path, json.loads(body or b"null"), bearer)
                return status, {}, json.dumps(told).encode()

        return Handler


class _Servicer(weaviate_pb2_grpc.WeaviateServicer):
    """The calls on objects, all of which name a tenant."""

    def __init__(self, fake: FakeWeaviate) -> None:
        self._fake = fake

    def Search(self, request: Any, context: Any) -> Any:
        return self._serve("Search", context, lambda: self._search(request, context))

    def BatchObjects(self, request: Any, context: Any) -> Any:
        return self._serve("BatchObjects", context, lambda: self._write(request))

    def BatchDelete(self, request: Any, context: Any) -> Any:
        return self._serve("BatchDelete", context, lambda: self._delete(request, context))

    def Aggregate(self, request: Any, context: Any) -> Any:
        return self._serve("Aggregate", context, lambda: self._aggregate(request, context))

    def _serve(self, name: str, context: Any, work: Callable[[], Any]) -> Any:
        bearer = dict(context.invocation_metadata()).get("authorization")
        if not self._fake.knows(bearer):
            context.abort(grpc.StatusCode.UNAUTHENTICATED, "unauthorized: invalid api key")
        fault = self._fake.faults.next(f"grpc {name}")
        if fault is not None and fault.kind != "cut_after":
            self._fail(fault, context)
        with self._fake.lock:
            reply = work()
        if fault is not None:
            context.abort(grpc.StatusCode.UNAVAILABLE, "Socket closed")
        return reply

    def _fail(self, fault: Fault, context: Any) -> None:
        if fault.kind == "silent":
            self._fake.faults.over.wait(60)
        code = CODES.get(fault.status, grpc.StatusCode.UNKNOWN)
        code = code if fault.kind == "status" else grpc.StatusCode.UNAVAILABLE
        context.abort(code, "asked for by a test")

    def _tenant(self, request: Any, context: Any) -> dict[str, Stored]:
        held = self._fake.objects.get((request.collection, request.tenant))
        if held is None:
            context.abort(grpc.StatusCode.UNKNOWN, f'tenant not found: "{request.tenant}"')
        assert held is not None, "aborting raises"
        return held

    def _passing(self, request: Any, context: Any) -> list[tuple[str, Stored]]:
        held = self._tenant(request, context)
        filters = request.filters if request.HasField("filters") else None
        return [
            (key, each)
            for key, each in held.items()
            if filters is None or _passes(filters, key, each)
        ]

    def _search(self, request: Any, context: Any) -> Any:
        found = [(key, each, None) for key, each in self._passing(request, context)]
        if request.HasField("near_vector"):
            asked = _floats(request.near_vector.vectors[0].vector_bytes)
            measured = [(key, each, _distance(asked, each.vector)) for key, each, _ in found]
            found = sorted(measured, key=lambda item: item[2])
        limit = min(request.limit or self._fake.most, self._fake.most)
        return search_get_pb2.SearchReply(
            results=[_result(request, *each) for each in found[:limit]]
        )

    def _write(self, request: Any) -> Any:
        for each in request.objects:
            place = (each.collection, each.tenant)
            vector = _floats(each.vectors[0].vector_bytes)
            stored = Stored(_properties(each.properties), vector)
            self._fake.objects.setdefault(place, {})[each.uuid] = stored
        return batch_pb2.BatchObjectsReply()

    def _delete(self, request: Any, context: Any) -> Any:
        held = self._tenant(request, context)
        gone = self._passing(request, context)[: self._fake.most]
        for key, _ in gone:
            del held[key]
        return batch_delete_pb2.BatchDeleteReply(matches=len(gone), successful=len(gone))

    def _aggregate(self, request: Any, context: Any) -> Any:
        count = len(self._passing(request, context))
        single = aggregate_pb2.AggregateReply.Single(objects_count=count)
        return aggregate_pb2.AggregateReply(single_result=single)


def _floats(content: bytes) -> np.ndarray[Any, Any]:
    return np.array(struct.unpack(f"<{len(content) // 4}f", content))


def _distance(one: np.ndarray[Any, Any], other: np.ndarray[Any, Any]) -> float:
    lengths = math.sqrt(float(one @ one) * float(other @ other)) or 1.0
    return 1 - float(one @ other) / lengths


def _properties(given: Any) -> dict[str, Any]:
    plain = {name: _plain(value) for name, value in given.non_ref_properties.fields.items()}
    for arrays in (given.int_array_properties, given.text_array_properties):
        plain |= {each.prop_name: list(each.values) for each in arrays}
    return plain | {name: [] for name in given.empty_list_props}


def _plain(value: Any) -> Any:
    kind = value.WhichOneof("kind")
    plain = getattr(value, kind)
    return int(plain) if kind == "number_value" else plain


def _result(request: Any, key: str, stored: Stored, distance: float | None) -> Any:
    fields = {
        name: _value(stored.properties[name])
        for name in request.properties.non_ref_properties
        if name in stored.properties
    }
    metadata = search_get_pb2.MetadataResult(id=key, id_as_bytes=UUID(key).bytes)
    if distance is not None:
        metadata.distance, metadata.distance_present = distance, True
    properties = search_get_pb2.PropertiesResult(
        non_ref_props=properties_pb2.Properties(fields=fields),
        target_collection=request.collection,
    )
    return search_get_pb2.SearchResult(metadata=metadata, properties=properties)


def _value(plain: Any) -> Any:
    if isinstance(plain, int):
        return properties_pb2.Value(int_value=plain)
    assert isinstance(plain, str), "nothing else is asked for"
    return properties_pb2.Value(text_value=plain)


def _passes(filters: Any, key: str, stored: Stored) -> bool:
    """Tell whether an object meets a condition; lists are compared value by value."""
    parts = filters.filters
    if filters.operator == Operator.OPERATOR_AND:
        return all(_passes(part, key, stored) for part in parts)
    if filters.operator == Operator.OPERATOR_OR:
        return any(_passes(part, key, stored) for part in parts)
    name = filters.target.property
    held = key if name == "_id" else stored.properties.get(name, [])
    values = set(held if isinstance(held, list) else [held])
    asked = getattr(filters, filters.WhichOneof("test_value"))
    match filters.operator:
        case Operator.OPERATOR_CONTAINS_ANY:
            return bool(values & set(asked.values))
        case Operator.OPERATOR_CONTAINS_NONE:
            return not values & set(asked.values)
        case Operator.OPERATOR_EQUAL:
            return asked in values
        case Operator.OPERATOR_LESS_THAN:
            return any(value < asked for value in values)
    raise AssertionError(f"nobody sends {filters.operator}")
