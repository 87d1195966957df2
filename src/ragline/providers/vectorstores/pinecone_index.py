"""One index at Pinecone: its creation, and calls about the records of its namespaces."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress

import httpx2

from ragline.errors import ConfigurationError, PermanentProviderError, TemporaryProviderError
from ragline.providers.vectorstores.patience import batches
from ragline.providers.vectorstores.pinecone_calls import Calls, Json, Missing
from ragline.settings import Settings

MOST_BYTES = 1_900_000
"""Pinecone takes 2 MB in one request."""
MOST_IDS = 1_000
MOST_MATCHES = 10_000
"""The most that Pinecone returns for one query."""
FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 0.05, 1.0
_WRITTEN = ("x-pinecone-request-lsn", "x-pinecone-lsn-committed")
_INDEXED = ("x-pinecone-max-indexed-lsn", "x-pinecone-lsn-reconciled")


class PineconeIndex:
    """An index of dense vectors of so many `dimensions`, or of sparse ones where that is None.

    Pinecone shows a write some time after it took it. It numbers the writes of a namespace, and
    its searches say up to which number they know them: that is what `settle` waits for.
    """

    def __init__(
        self, calls: Calls, name: str, *, dimensions: int | None, settings: Settings
    ) -> None:
        """Open the index, created first if there is none."""
        self._calls = calls
        self._name = name
        self._dimensions = dimensions
        self._settings = settings
        self._patience = settings.pinecone_visible_seconds
        self._batch = settings.vector_batch
        self._host = self._opened()

    def upsert(self, namespace: str, records: Sequence[Json]) -> None:
        """Write records, and wait until searches show them."""
        newest: int | None = None
        for batch in batches(records, self._batch):
            for body in _bodies(namespace, batch):
                response = self._calls.post(f"{self._host}/vectors/upsert", body)
                newest = _number(response, _WRITTEN)
        self._settle(namespace, newest)

    def query(self, namespace: str, *, limit: int, **asked: object) -> list[Json]:
        """Return the records nearest to what is asked for, in Pinecone's words."""
        body = {"namespace": namespace, **asked}
        body["topK"] = min(limit, MOST_MATCHES)
        try:
            response = self._calls.post(f"{self._host}/query", body)
        except Missing:
            return []
        matches: list[Json] = response.json().get("matches") or []
        return matches

    def delete(self, namespace: str, ids: Sequence[str]) -> None:
        """Remove records, and wait until searches no longer show them."""
        newest: int | None = None
        for some in batches(ids, MOST_IDS):
            body = {"namespace": namespace, "ids": list(some)}
            with suppress(Missing):
                response = self._calls.post(f"{self._host}/vectors/delete", body)
                newest = _number(response, _WRITTEN)
        # With its last record a namespace may go.
        self._settle(namespace, newest, is_gone_enough=True)

    def drop(self, namespace: str) -> None:
        """Remove a namespace with all of its records, and wait until none is counted."""
        with suppress(Missing):
            body = {"namespace": namespace, "deleteAll": True}
            self._calls.post(f"{self._host}/vectors/delete", body)
        self._wait(lambda: self.counts().get(namespace, 0) == 0, "removed")

    def ids(self, namespace: str, prefix: str) -> Iterator[str]:
        """Yield the ids that begin like this."""
        params = {"namespace": namespace, "prefix": prefix, "limit": "100"}
        while True:
            try:
                page = self._calls.get(f"{self._host}/vectors/list", params).json()
            except Missing:
                return
            yield from (each["id"] for each in page.get("vectors") or ())
            following = (page.get("pagination") or {}).get("next")
            if not following:
                return
            params = params | {"paginationToken": following}

    def counts(self) -> dict[str, int]:
        """Return the number of records by namespace; Pinecone counts some time after writes."""
        told = self._calls.post(f"{self._host}/describe_index_stats", {}).json()
        spaces: Mapping[str, Json] = told.get("namespaces") or {}
        return {name: int(each.get("vectorCount", 0)) for name, each in spaces.items()}

    def _settle(self, namespace: str, newest: int | None, *, is_gone_enough: bool = False) -> None:
        """Wait until searches know of all writes up to this number."""
        if newest is None:
            return
        body: Json = {"namespace": namespace, "topK": 1}
        if self._dimensions is None:
            body["sparseVector"] = {"indices": [0], "values": [1.0]}
        else:
            body["vector"] = [1.0] + [0.0] * (self._dimensions - 1)

        def is_known() -> bool:
            try:
                response = self._calls.post(f"{self._host}/query", body)
            except Missing:
                return is_gone_enough
            known = _number(response, _INDEXED)
            return is_gone_enough if known is None else known >= newest

        self._wait(is_known, "written")

    def _wait(self, is_done: Callable[[], bool], what: str) -> None:
        deadline = time.monotonic() + self._patience
        pause = FIRST_PAUSE_SECONDS
        while not is_done():
            if time.monotonic() > deadline:
                raise TemporaryProviderError(
                    f"Pinecone does not show yet what was {what}. The job will be tried again; "
                    "RAGLINE_PINECONE_VISIBLE_SECONDS says how long it is waited for."
                )
            time.sleep(pause)
            pause = min(LONGEST_PAUSE_SECONDS, 2 * pause)

    def _opened(self) -> str:
        """Return the address of the index's records, once it is ready."""
        told = self._described() or self._created()
        deadline = time.monotonic() + self._patience
        while not (told.get("status") or {}).get("ready"):
            if time.monotonic() > deadline:
                raise TemporaryProviderError(f"The index {self._name} at Pinecone is not ready.")
            time.sleep(LONGEST_PAUSE_SECONDS)
            told = self._described() or {}
        self._check(told)
        host = str(told["host"])
        return host if host.startswith("http") else f"https://{host}"

    def _described(self) -> Json | None:
        return described(self._calls, self._settings, self._name)

    def _created(self) -> Json:
        place = {"cloud": self._settings.pinecone_cloud, "region": self._settings.pinecone_region}
        body: Json = {"name": self._name, "spec": {"serverless": place}}
        if self._dimensions is None:
            body |= {"vector_type": "sparse", "metric": "dotproduct"}
        else:
            body |= {"vector_type": "dense", "metric": "cosine", "dimension": self._dimensions}
        try:
            made: Json = self._calls.post(f"{_control(self._settings)}/indexes", body).json()
        except PermanentProviderError:
            found = self._described()
            if found is None:  # else another process was faster
                raise
            return found
        return made

    def _check(self, told: Json) -> None:
        metric = "dotproduct" if self._dimensions is None else "cosine"
        if told.get("metric") != metric:
            raise ConfigurationError(
                f"The index {self._name} at Pinecone is none of Ragline's. Set "
                "RAGLINE_PINECONE_INDEX to another name."
            )
        held = told.get("dimension")
        if self._dimensions is not None and held != self._dimensions:
            raise ConfigurationError(
                f"The index {self._name} at Pinecone was built by an embedder of {held} "
                f"dimensions, and this one has {self._dimensions}. Set RAGLINE_EMBEDDER back, or "
                "RAGLINE_PINECONE_INDEX to another name."
            )


def described(calls: Calls, settings: Settings, name: str) -> Json | None:
    """Return what Pinecone says of an index; None where there is none of this name."""
    try:
        found: Json = calls.get(f"{_control(settings)}/indexes/{name}").json()
    except Missing:
        return None
    return found


def _control(settings: Settings) -> str:
    return settings.pinecone_url.rstrip("/")


def _bodies(namespace: str, records: Sequence[Json]) -> Iterator[bytes]:
    """Yield requests that hold the records and are within what Pinecone takes."""
    held: list[bytes] = []
    size = 0
    for record in records:
        content = json.dumps(record).encode()
        if held and size + len(content) > MOST_BYTES:
            yield _body(namespace, held)
            held, size = [], 0
        held.append(content)
        size += len(content) + 1
    if held:
        yield _body(namespace, held)


def _body(namespace: str, records: Sequence[bytes]) -> bytes:
    name = json.dumps(namespace).encode()
    return b'{"namespace":' + name + b',"vectors":[' + b",".join(records) + b"]}"


def _number(response: httpx2.Response, headers: Sequence[str]) -> int | None:
    """Return the number in the first of these headers that there is."""
    found = (response.headers.get(name) for name in headers)
    return next((int(value) for value in found if value), None)
