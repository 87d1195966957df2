"""Citations are shown only where their words stand in the source."""

from __future__ import annotations

from collections.abc import Sequence

from ragline.providers.contracts import Passage, Quote


def checked(quotes: Sequence[Quote], passages: Sequence[Passage]) -> tuple[list[Quote], int]:
    """Return the quotes that stand in the passage they name, and how many do not.

    White space is compared as one blank; everything else must agree letter by letter.
    """
    plain = [_one_line(passage.text) for passage in passages]
    kept = [quote for quote in quotes if _stands(quote, plain)]
    return kept, len(quotes) - len(kept)


def _stands(quote: Quote, plain: Sequence[str]) -> bool:
    """Tell whether a quote has words and these are found in its passage."""
    words = _one_line(quote.text)
    return bool(words) and 0 <= quote.passage < len(plain) and words in plain[quote.passage]


def _one_line(text: str) -> str:
    return " ".join(text.split())
