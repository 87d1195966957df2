"""What may answer a question: found by words and by the meaning that each model sees."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from ragline.indexes.opening import Searched
from ragline.language.lexical import LexicalVector
from ragline.providers.contracts import Filter, Match
from ragline.search.ranking import Similarities

Mode = Literal["hybrid", "dense", "lexical"]


@dataclass(frozen=True, slots=True)
class Candidates:
    """Chunks with their documents, the BM25 scores of some, and the cosines by each model.

    The first model knows every chunk, a better one only those that it has a vector of.
    """

    documents: dict[str, str]
    lexical: dict[str, float]
    models: list[Similarities]

    @property
    def best_lexical(self) -> float:
        """The best BM25 score, 0 without any."""
        return max(self.lexical.values(), default=0.0)


def gather(
    question: str,
    words: LexicalVector,
    *,
    indexes: Sequence[Searched],
    project_id: str,
    filter: Filter | None,
    mode: Mode,
    limit: int,
) -> Candidates:
    """Return the best `limit` chunks of each way of searching, as one set of candidates.

    Of `indexes` the first is the project's own, which has the words too; one after it has the
    vectors of a better model.
    """
    lexical: list[Match] = []
    if mode != "dense":
        store = indexes[0].store
        lexical = store.search_lexical(words, project_id=project_id, filter=filter, limit=limit)
    documents = {match.chunk_id: match.document_id for match in lexical}
    if mode == "lexical":
        return Candidates(documents, _scores(lexical), [])
    vectors = [index.embedder.embed_query(question) for index in indexes]
    found = [
        index.store.search_dense(vector, project_id=project_id, filter=filter, limit=limit)
        for index, vector in zip(indexes, vectors, strict=True)
    ]
    for matches in found:
        documents |= {match.chunk_id: match.document_id for match in matches}
    models = []
    for index, vector, matches in zip(indexes, vectors, found, strict=True):
        cosines = _scores(matches)
        others = [chunk_id for chunk_id in documents if chunk_id not in cosines]
        cosines |= index.store.similarities(vector, others, project_id=project_id)
        models.append(Similarities(index.embedder.calibration, cosines))
    return Candidates(documents, _scores(lexical), models)


def _scores(matches: Sequence[Match]) -> dict[str, float]:
    return {match.chunk_id: match.score for match in matches}
