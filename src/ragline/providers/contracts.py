"""What Ragline asks of the parts it does not own, on one page.

Adapters live in a folder per contract, are named in the package's entry points and
loaded by `registry.py`. They raise nothing but errors from `ragline.errors`.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, ClassVar, Literal, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from ragline.database import Database
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
    """What a call took: the model that answered, its tokens (0 for local rules), its adapter."""

    model: str
    prompt_tokens: int = 0
    completion_tokens: int = 0
    adapter: str = ""


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer with the quotes it rests on; no quotes means nothing was found.

    The marker `[k]` in `text` stands for the k-th quote. `truncated` says that the model was
    cut off, by its longest answer or a filter.
    """

    text: str
    quotes: tuple[Quote, ...]
    usage: Usage
    truncated: bool = False


@dataclass(frozen=True, slots=True)
class Turn:
    """One message of a conversation before the question."""

    role: Literal["user", "assistant"]
    text: str


@dataclass(frozen=True, slots=True)
class Ask:
    """A question with all that decides its answer.

    `history` has the oldest turn first and is already cut to what the model takes.
    `instructions` are the agent's owner's, such as a tone or role: below our rules, above the
    documents. `language` is the ISO 639-1 code of the answer, None for the question's;
    `most_tokens` bounds the answer; what is None is left to the model.
    """

    question: str
    passages: Sequence[Passage] = ()
    history: Sequence[Turn] = ()
    instructions: str = ""
    language: str | None = None
    model: str | None = None
    most_tokens: int | None = None
    temperature: float | None = None


@dataclass(frozen=True, slots=True)
class Rewrite:
    """Searches for a question (≥ 1): the first stands alone, the others use other words."""

    queries: tuple[str, ...]
    usage: Usage


class LLM(Protocol):
    """Answers a question from passages only.

    `provider` is the name under which its calls are limited, None for rules that run here.
    A call is tried once: the caller decides when to try again, and keeps to the provider's
    limits. It raises `TemporaryProviderError` where a retry may help, else
    `PermanentProviderError`; `InvalidInput` where the question itself cannot be sent.
    """

    name: str
    provider: str | None

    def stream(self, ask: Ask) -> Generator[str | Answer, None, None]:
        """Yield pieces of text as they come (none empty), and last the whole answer.

        The pieces joined are `Answer.text`; its quotes stand word for word in their passages.
        Without passages nothing is asked of a provider. Nothing happens before the first
        piece is asked for; closing the generator ends the provider's call.
        """
        ...

    def answer(self, ask: Ask) -> Answer:
        """Return the whole answer at once."""
        ...

    def rewrite(
        self,
        question: str,
        history: Sequence[Turn] = (),
        *,
        other_words: bool = False,
        model: str | None = None,
    ) -> Rewrite:
        """Return searches for a question that may lean on what was said before it.

        With `other_words` there are further ones beside the first. Where there is nothing to
        rewrite, nothing is asked of a provider.
        """
        ...

    def models(self) -> list[str]:
        """Return the names that `model` may take, the default first."""
        ...

    def close(self) -> None:
        """Release connections and processes; closing twice is allowed."""
        ...


def drained(pieces: Iterator[str | Answer]) -> Answer:
    """Return the answer that a stream ends with."""
    for piece in pieces:
        if isinstance(piece, Answer):
            return piece
    raise RuntimeError("A stream ended without its answer.")


@dataclass(frozen=True, slots=True)
class KeptQuestion:
    """A question whose answer is kept under `key`, with its vector, since a moment in UTC."""

    key: str
    text: str
    vector: Vectors
    kept_at: datetime


@dataclass(frozen=True, slots=True)
class KeptAnswer:
    """An answer as JSON, with the question it is given to.

    `scope` is the hash of all that decides the answer beside the question's words, `projects`
    gives the content version of each project that was searched; `scope` covers both.
    """

    tenant_id: str
    scope: str
    question: KeptQuestion
    projects: Mapping[str, int]
    answer: Mapping[str, Any]


class AnswerCache(Protocol):
    """Keeps answers for as long as `RAGLINE_CACHE_HOURS` says, and only so many of a tenant.

    It may lose any of them at any time. `TemporaryProviderError` means that it is away; it
    answers or raises within about `RAGLINE_CACHE_TIMEOUT_SECONDS` a call where it is another
    server. Several threads use it at once.
    """

    @classmethod
    def open(cls, settings: Settings, database: Database) -> Self:
        """Return the cache that the settings name; nothing needs to answer yet."""
        ...

    def get(self, key: str) -> dict[str, Any] | None:
        """Return the answer under a key, None where there is none that may still be given."""
        ...

    def newest(self, scope: str, *, since: datetime | None, limit: int) -> list[KeptQuestion]:
        """Return a scope's questions kept since a moment (included), newest first."""
        ...

    def put(self, kept: KeptAnswer) -> None:
        """Keep an answer in place of any under the same key."""
        ...

    def forget(self, project_id: str) -> int:
        """Remove all answers that rest on a project; return how many."""
        ...

    def close(self) -> None:
        """Release connections; closing twice is allowed."""
        ...
