"""What embedders that ask a service have in common; contract `RemoteEmbedder`."""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from functools import cached_property
from typing import Any, ClassVar, NamedTuple

import httpx2
import numpy as np
from numpy.typing import NDArray

from ragline.errors import ProviderError, RefusedTexts
from ragline.providers.contracts import Calibration, Embedded, Usage, Vectors
from ragline.providers.embedders.calibrating import measured
from ragline.providers.embedders.prefixes import NOTHING, Prefixes, prefixed
from ragline.providers.llms.exchange import LARGEST_ANSWER_BYTES, Exchange
from ragline.providers.llms.server_errors import Place, Unusable, shown, translated
from ragline.providers.unit_vectors import unit_rows

REFUSALS = (400, 413, 422)
# A token is rarely shorter than this in any language, in bytes of UTF-8; a foreign service's
# tokenizer is not at hand.
BYTES_PER_TOKEN = 3
# A number of an answer takes at most so many bytes, written as text.
BYTES_PER_NUMBER = 24


class CallSize(NamedTuple):
    """How much one call takes: texts, tokens of all of them, tokens of each."""

    texts: int
    tokens: int
    tokens_per_text: int


class Answered(NamedTuple):
    """What a service answered: a vector for each text, its tokens, and the model it names."""

    rows: Sequence[NDArray[np.float32]]
    tokens: int
    model: str


class ServiceEmbedder(ABC):
    """Divides texts into calls, puts a model's prefixes before them, and makes its failures ours.

    What it does not know of its model, dimensions and calibration, it finds out from the service
    when it is first asked for them.
    """

    adapter: ClassVar[str]

    def set_up(
        self,
        place: Place,
        *,
        model: str,
        dimensions: int | None,
        prefixes: Prefixes,
        size: CallSize,
        server: str | None = None,
    ) -> None:
        """Note where which model is asked; `server` is the name of one among others."""
        named = server or self.adapter
        self.provider: str | None = f"embed_{named}"
        self.model = model
        self.wished = dimensions
        self.exchange = Exchange(place)
        self._place = place
        self._prefixes = prefixes
        self._size = size
        self.name = _name(named, model, dimensions, prefixes)

    @cached_property
    def dimensions(self) -> int:
        """The length of the vectors: as wished, as known, or as the service gives it."""
        known = self.wished or self.known_dimensions()
        return known or len(self.call([NOTHING]).vectors[0])

    @cached_property
    def calibration(self) -> Calibration:
        """What the cosines mean, by a few samples; two small calls."""
        return measured(
            lambda texts: _unit(self.call(texts, for_query=True).vectors),
            lambda texts: _unit(self.call(texts).vectors),
        )

    def prepare(self) -> None:  # noqa: B027 # there is nothing to load: the model is elsewhere
        """Do nothing."""

    def embed_passages(self, texts: Sequence[str]) -> Vectors:
        """Return one row for each text, call by call."""
        return np.concatenate([self.call(texts[group]).vectors for group in self.in_calls(texts)])

    def embed_query(self, text: str) -> Vectors:
        """Return one vector of shape (dimensions,)."""
        vector: Vectors = self.call([text], for_query=True).vectors[0]
        return vector

    def in_calls(self, texts: Sequence[str]) -> list[slice]:
        """Divide texts into groups that fit the service's limits, in order."""
        most = self._most_texts()
        found: list[slice] = []
        begin = tokens = 0
        for place, text in enumerate(texts):
            more = tokens_in(self._sent(text, for_query=False))
            if place > begin and (place - begin >= most or tokens + more > self._size.tokens):
                found.append(slice(begin, place))
                begin, tokens = place, 0
            tokens += more
        return [*found, slice(begin, len(texts))] if texts else []

    def call(self, texts: Sequence[str], *, for_query: bool = False) -> Embedded:
        """Return the vectors of texts from one call; every failure becomes one of ours.

        Raises `RefusedTexts` where the service takes one of them for wrong.
        """
        sent = [self._sent(text, for_query=for_query) for text in texts]
        failure: ProviderError
        try:
            answered = self.ask(sent)
            rows = _stacked(answered.rows)
            usage = Usage(answered.model, answered.tokens, adapter=self.adapter)
            return Embedded(rows, usage)
        except Unusable as error:
            failure = self._failure(error)
        except (httpx2.HTTPError, UnicodeError) as error:
            failure = translated(error, self._place, model=self.model)
        # Outside the handler, so that no trace holds the request with its headers.
        raise failure

    def close(self) -> None:
        """Close the connections."""
        self.exchange.close()

    @abstractmethod
    def ask(self, texts: Sequence[str]) -> Answered:
        """Ask once; raise `Unusable` or what httpx2 raises."""

    def known_dimensions(self) -> int | None:
        """Return the length of this model's vectors where it is known without asking."""
        return None

    def posted(self, path: str, body: Mapping[str, Any]) -> bytes:
        """Return the answer to a request."""
        with closing(self.exchange.lines("POST", path, body)) as lines:
            return b"\n".join(lines)

    def _most_texts(self) -> int:
        """Return how many vectors an answer has room for."""
        known = self.wished or self.known_dimensions()
        room = LARGEST_ANSWER_BYTES // (known * BYTES_PER_NUMBER) if known else self._size.texts
        return max(1, min(self._size.texts, room))

    def _sent(self, text: str, *, for_query: bool) -> str:
        """Return a text as the model wants it, cut to what it takes."""
        prefix = self._prefixes.query if for_query else self._prefixes.passage
        whole = prefixed(prefix, text)
        most = min(self._size.tokens_per_text, self._size.tokens) * BYTES_PER_TOKEN
        cut = whole.encode(errors="replace")[:most]
        return cut.decode(errors="ignore")

    def _failure(self, error: Unusable) -> ProviderError:
        if error.status not in REFUSALS:
            return translated(error, self._place, model=self.model)
        said = shown(error.detail, self._place.key)
        return RefusedTexts(
            f"The server of embeddings refused a text for the model {self.model!r}. Check that "
            f"{self._place.model_setting} names a model of embeddings and that it takes texts of "
            f"this length.{f' It says: {said}' if said else ''}"
        )


def tokens_in(text: str) -> int:
    """Return about how many tokens a text has, rather more than fewer."""
    return len(text.encode(errors="replace")) // BYTES_PER_TOKEN + 1


def in_order(items: Iterator[tuple[int, Any]], count: int) -> list[Any]:
    """Return what stands at the places 0 to `count` - 1; raise `Unusable` where one is not once."""
    found = dict(items_once(items))
    if sorted(found) != list(range(count)):
        raise Unusable(f"The server of embeddings gave {len(found)} vectors for {count} texts.")
    return [found[place] for place in range(count)]


def items_once(items: Iterator[tuple[int, Any]]) -> Iterator[tuple[int, Any]]:
    """Pass items on; raise `Unusable` for a second one of the same place."""
    seen: set[int] = set()
    for place, item in items:
        if place in seen:
            raise Unusable("The server of embeddings gave two vectors for one text.")
        seen.add(place)
        yield place, item


def floats(written: Sequence[float]) -> NDArray[np.float32]:
    """Return numbers as 32-bit floats; what is too great for these is judged as infinite."""
    with np.errstate(over="ignore"):
        return np.asarray(written, dtype=np.float64).astype(np.float32)


def _stacked(rows: Sequence[NDArray[np.float32]]) -> Vectors:
    if len({row.shape for row in rows}) != 1 or rows[0].ndim != 1 or not len(rows[0]):
        raise Unusable("The server of embeddings gave vectors of different lengths, or none.")
    stacked: Vectors = np.stack(rows)
    return stacked


def _unit(rows: Vectors) -> Vectors:
    unit = unit_rows(rows)
    if unit is None:
        raise RefusedTexts("The server of embeddings gave vectors without a direction.")
    return unit


def _name(server: str, model: str, dimensions: int | None, prefixes: Prefixes) -> str:
    """Return what decides the vectors: own prefixes too, by their hash."""
    name = f"{server}/{model}" + (f"@{dimensions}" if dimensions else "")
    if prefixes == Prefixes():
        return name
    digest = hashlib.sha256("\n".join(prefixes).encode()).hexdigest()[:6]
    return f"{name}+{digest}"
