"""The searchable index, and conditions on what it holds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal, Protocol, Self

from ragline.language.lexical import LexicalVector
from ragline.providers.contracts.embedding import Vectors
from ragline.settings import Settings

MetadataValue = str | int | float | bool


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


@dataclass(frozen=True, slots=True)
class HeldChunk:
    """Where a chunk lies in a store; `mark` tells one noting of it from the next."""

    chunk_id: str
    document_id: str
    project_id: str
    version: int
    mark: int


@dataclass(frozen=True, slots=True)
class TermCounts:
    """How many chunks a project has, and how many of them hold each term; others hold none."""

    chunks: int
    holding: Mapping[int, int]


class HeldChunks(Protocol):
    """What one index holds, kept in Ragline's database for stores that cannot tell it.

    An adapter with `needs_held = True` notes chunks before it writes them, again when they are
    written, and forgets what it had read here after it removed that. So nothing is in the store
    that is not noted, whether a process dies or a removal meets a write: what is noted again
    after a removal read it is not forgotten. Each call is one transaction.
    """

    def note(self, chunks: Sequence[IndexedChunk]) -> list[HeldChunk]:
        """Note chunks; return where those of the same ids lay until now."""
        ...

    def forget(self, held: Sequence[HeldChunk]) -> None:
        """Note that chunks are gone; those that were noted again meanwhile are kept."""
        ...

    def forget_project(self, project_id: str) -> int:
        """Note that a project's chunks are gone; return how many were noted."""
        ...

    def of_document(self, document_id: str) -> list[HeldChunk]:
        """Return what is noted for a document."""
        ...

    def projects(self) -> list[str]:
        """Return the projects that have chunks."""
        ...

    def counts(self, project_id: str, terms: Sequence[int]) -> TermCounts:
        """Return how many chunks a project has, and how many of them hold each of the terms."""
        ...


class VectorStore(Protocol):
    """Keeps the searchable index; it can be rebuilt from the database at any time.

    `shared` says whether several processes may have it open at once. An adapter with the class
    variable `needs_held = True` is given `held`, a `HeldChunks`, by `open` as well.
    """

    shared: ClassVar[bool]

    @classmethod
    def open(cls, settings: Settings, dimensions: int, *, collection: str | None = None) -> Self:
        """Open the index that the settings name, created first if there is none.

        A `collection`, named by up to 40 small letters, digits and _, is an index of its own
        beside that of the passages.

        Raises `ConfigurationError` where it holds vectors of other dimensions than these, or
        where the settings cannot work.
        """
        ...

    def upsert(self, chunks: Sequence[IndexedChunk]) -> None:
        """Write chunks, replacing those with the same id; durable when it returns.

        An id stays in its project: a store may keep each project apart.
        """
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

    def similarities(
        self, vector: Vectors, chunk_ids: Sequence[str], *, project_id: str
    ) -> dict[str, float]:
        """Return the cosine of each of these chunks of a project; unknown ids are left out."""
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
