"""Records at Pinecone: what of a chunk is sent, and what their ids tell."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple, Self

import numpy as np

from ragline.providers.contracts import IndexedChunk, Match, Vectors
from ragline.providers.vectorstores.pinecone_calls import Json
from ragline.providers.vectorstores.pinecone_filters import FACTS
from ragline.providers.vectorstores.tokens import tokens_of

DIGITS = 7
"""Decimals of a vector's numbers that are sent; 32-bit floats have no more."""


class Place(NamedTuple):
    """A record's id, which tells where its chunk belongs and can be listed by its beginning."""

    document_id: str
    version: int
    chunk_id: str

    @property
    def id(self) -> str:
        """The record's id."""
        return f"{self.document_id}#{self.version}#{self.chunk_id}"

    @classmethod
    def of(cls, record_id: str) -> Self:
        """Return what an id says."""
        document_id, version, chunk_id = record_id.split("#")
        return cls(document_id, int(version), chunk_id)


def place_of(chunk: IndexedChunk) -> Place:
    """Return where a chunk belongs."""
    return Place(chunk.document_id, chunk.version, chunk.chunk_id)


def matches_of(found: Iterable[Json]) -> list[Match]:
    """Return what was found as matches."""
    places = [(Place.of(each["id"]), float(each["score"])) for each in found]
    return [Match(place.chunk_id, place.document_id, score) for place, score in places]


def dense_record(chunk: IndexedChunk) -> Json:
    """Return a chunk's record in the index of vectors."""
    metadata = {FACTS: tokens_of(chunk.metadata), "chunk_id": chunk.chunk_id}
    return {"id": place_of(chunk).id, "values": rounded(chunk.dense), "metadata": metadata}


def words_record(chunk: IndexedChunk) -> Json:
    """Return a chunk's record in the index of words."""
    words = {"indices": list(chunk.lexical.indices), "values": list(chunk.lexical.values)}
    metadata = {FACTS: tokens_of(chunk.metadata)}
    return {"id": place_of(chunk).id, "sparseValues": words, "metadata": metadata}


def rounded(vector: Vectors) -> list[float]:
    """Return a vector as it is sent."""
    numbers: list[float] = np.round(np.asarray(vector, dtype=np.float64), DIGITS).tolist()
    return numbers
