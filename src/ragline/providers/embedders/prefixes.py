"""The words that models of texts were trained with before questions and passages.

Each stands on its model's own page at https://huggingface.co; a model that is not here is given
texts as they are.
"""

from __future__ import annotations

from typing import NamedTuple

# What a model is given in place of nothing: many fail at a text without a word.
NOTHING = "."


class Prefixes(NamedTuple):
    """What is put before a question, and before a passage."""

    query: str = ""
    passage: str = ""


_E5 = Prefixes("query: ", "passage: ")
_BGE = Prefixes("Represent this sentence for searching relevant passages: ")
# By a part of the model's name; the first that fits counts.
_KNOWN = {
    "nomic-embed": Prefixes("search_query: ", "search_document: "),
    "multilingual-e5-large-instruct": Prefixes(
        "Instruct: Given a web search query, retrieve relevant passages that answer the query"
        "\nQuery: "
    ),
    "e5-": _E5,
    "bge-m3": Prefixes(),
    "bge-small-en": _BGE,
    "bge-base-en": _BGE,
    "bge-large-en": _BGE,
    "mxbai-embed": _BGE,
    "snowflake-arctic-embed-m-v2": Prefixes("query: "),
    "snowflake-arctic-embed-l-v2": Prefixes("query: "),
    "snowflake-arctic-embed2": Prefixes("query: "),
    "snowflake-arctic-embed": _BGE,
    "embeddinggemma": Prefixes("task: search result | query: ", "title: none | text: "),
    "qwen3-embedding": Prefixes(
        "Instruct: Given a web search query, retrieve relevant passages that answer the query"
        "\nQuery:"
    ),
}


def prefixes_of(model: str) -> Prefixes:
    """Return what a model expects before its texts."""
    name = model.lower()
    return next((each for part, each in _KNOWN.items() if part in name), Prefixes())


def prefixed(prefix: str, text: str) -> str:
    """Return a text with its prefix, as a model is given it."""
    return prefix + (text if text.strip() else NOTHING)
