"""What Ragline asks of the parts it does not own, on one page.

Adapters live in a folder per contract, are named in the package's entry points and
loaded by `registry.py`. They raise nothing but errors from `ragline.errors`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Literal, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from ragline.language.lexical import LexicalVector as LexicalVector
from ragline.settings import Settings

Vectors = NDArray[np.float32]
"""Shape (number of texts, dimensions), each row of length 1; a single vector has one axis."""

MetadataValue = str | int | float | bool


@dataclass(frozen=True, slots=True)
class PageText:
    """The text of one page; `number` counts from 1, `text` may be empty."""

    number: int
    text: str


class Parser(Protocol):
    """Reads files into pages of text, inside a compute child that may be killed.

    `name` carries the version of what reads, since it is part of the key under which
    a page's text is stored.
    """

    name: str
    media_types: frozenset[str]

    def count_pages(self, path: Path) -> int:
        """Return the number of pages (≥ 1); raise `UnreadableFile` with what to do."""
        ...

    def read_pages(self, path: Path, first: int, last: int) -> list[PageText]:
        """Return pages `first` to `last`, both counted from 1 and included."""
        ...


@dataclass(frozen=True, slots=True)
class Calibration:
    """How an embedder's cosines are mixed with lexical scores.

    A cosine of `floor` means unrelated; `lexical_weight` (0–1) is the share of the
    lexical score where question and passage share a language, and
    `cross_language_weight` its share where they do not.
    """

    floor: float
    lexical_weight: float
    cross_language_weight: float


class Embedder(Protocol):
    """Turns texts into vectors; the same text gives the same vector on every machine.

    `name` carries model and version: with the text it is the key of a stored embedding.
    """

    name: str
    dimensions: int
    calibration: Calibration

    def prepare(self) -> None:
        """Load what is slow to load; processes forked afterwards share it."""
        ...

    def embed_passages(self, texts: Sequence[str]) -> Vectors:
        """Return one row for each text."""
        ...

    def embed_query(self, text: str) -> Vectors:
        """Return one vector of shape (dimensions,)."""
        ...


@dataclass(frozen=True, slots=True)
class Comparison:
    """A condition on one metadata key; `in` and `nin` take a tuple of values."""

    operator: Literal["eq", "ne", "gt", "gte", "lt", "lte", "in", "nin"]
    key: str
    value: MetadataValue | tuple[MetadataValue, ...]


@dataclass(frozen=True, slots=True)
class Compound:
    """Several conditions of which all (`and`) or any (`or`) must hold."""

    operator: Literal["and", "or"]
    filters: tuple[Filter, ...]


Filter = Comparison | Compound


@dataclass(frozen=True, slots=True)
class IndexedChunk:
    """One point of the vector index; `chunk_id` is a UUID in text form."""

    chunk_id: str
    document_id: str
    project_id: str
    version: int
    dense: Vectors
    lexical: LexicalVector
    metadata: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Match:
    """A chunk found by one way of searching; higher scores are nearer."""

    chunk_id: str
    document_id: str
    score: float


class VectorStore(Protocol):
    """Keeps the searchable index; it can be rebuilt from the database at any time.

    `shared` says whether several processes may have it open at once.
    """

    shared: ClassVar[bool]

    @classmethod
    def open(cls, settings: Settings, dimensions: int) -> Self:
        """Open the index that the settings name, created first if there is none.

        Raises `ConfigurationError` where it holds vectors of other dimensions than these, or
        where the settings cannot work.
        """
        ...

    def upsert(self, chunks: Sequence[IndexedChunk]) -> None:
        """Write chunks, replacing those with the same id; durable when it returns."""
        ...

    def search_dense(
        self, vector: Vectors, *, project_id: str, filter: Filter | None, limit: int
    ) -> list[Match]:
        """Return the chunks with the highest cosine (−1 to 1), best first."""
        ...

    def search_lexical(
        self, vector: LexicalVector, *, project_id: str, filter: Filter | None, limit: int
    ) -> list[Match]:
        """Return the chunks with the highest BM25 score (> 0), best first."""
        ...

    def similarities(self, vector: Vectors, chunk_ids: Sequence[str]) -> dict[str, float]:
        """Return the cosine of each of these chunks; unknown ids are left out."""
        ...

    def delete(
        self, *, document_id: str, version: int | None = None, before: int | None = None
    ) -> int:
        """Remove a document's chunks: all, those of a version, or of versions below one.

        Returns how many there were.
        """
        ...

    def delete_project(self, project_id: str) -> int:
        """Remove all chunks of a project; return how many."""
        ...

    def count(self, *, project_id: str | None = None, document_id: str | None = None) -> int:
        """Return the number of chunks held for a project, a document or in all."""
        ...

    def chunk_ids(self, document_id: str) -> dict[str, int]:
        """Return the ids held for a document with their versions."""
        ...

    def close(self) -> None:
        """Release files and connections; closing twice is allowed."""
        ...


@dataclass(frozen=True, slots=True)
class Passage:
    """A retrieved passage as an answering model sees it; `score` is its rank score (0–1)."""

    title: str
    text: str
    score: float


@dataclass(frozen=True, slots=True)
class Quote:
    """Words of an answer's source: `passage` is an index into the passages given."""

    passage: int
    text: str


@dataclass(frozen=True, slots=True)
class Usage:
    """What an answer took: the model that gave it and its tokens (0 for local rules)."""

    model: str
    prompt_tokens: int = 0
    completion_tokens: int = 0


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer with the quotes it rests on; no quotes means nothing was found."""

    text: str
    quotes: tuple[Quote, ...]
    usage: Usage


class LLM(Protocol):
    """Answers a question from passages only.

    `provider` is the name under which its calls are limited, None for a model that runs here.
    """

    name: str
    provider: str | None

    def answer(
        self, question: str, passages: Sequence[Passage], *, model: str | None = None
    ) -> Answer:
        """Return an answer whose quotes stand word for word in their passages.

        Without passages nothing is asked of a provider. It is tried once: the caller decides
        when to try again, and keeps to the provider's limits. Raises
        `TemporaryProviderError` where a retry may help, else `PermanentProviderError`.
        """
        ...
