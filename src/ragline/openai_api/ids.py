"""Ids as OpenAI's clients see them: ours behind a word that says what they are of."""

from __future__ import annotations

from typing import Literal

from ragline.errors import NotFound

Word = Literal["agent:", "file-", "project:", "resp_", "vs_", "vsfb_"]
_NOUNS: dict[Word, str] = {
    "agent:": "model",
    "file-": "file",
    "project:": "model",
    "resp_": "response",
    "vs_": "vector store",
    "vsfb_": "file batch",
}


def shown(word: Word, own: str) -> str:
    """Return an id of ours as clients see it."""
    return f"{word}{own}"


def own(word: Word, given: str) -> str:
    """Return our id behind one that a client gave; raise `NotFound` where it is of no such thing.

    Whether anything has this id is for the caller to find out.
    """
    if not given.startswith(word) or len(given) == len(word):
        raise unknown(word, given)
    return given.removeprefix(word)


def unknown(word: Word, given: str) -> NotFound:
    """Return the error for an id that nothing of the caller's has."""
    return NotFound(f"There is no {_NOUNS[word]} with the id {given!r}.")
