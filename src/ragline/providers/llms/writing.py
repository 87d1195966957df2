"""A model's words on their way out: without thoughts, with markers that count its quotes."""

from __future__ import annotations

from collections.abc import Sequence

from ragline.providers.contracts import Passage, Quote
from ragline.providers.llms.markers import Markers
from ragline.providers.llms.thoughts import Thoughts


class Writing:
    """Turns what a model writes into what is shown; both grow piece by piece.

    Nothing is shown before there is a word, and no white space at either end. What was shown
    is never changed afterwards: joined it is `text`.
    """

    def __init__(self, question: str, passages: Sequence[Passage]) -> None:
        self._thoughts = Thoughts()
        self._markers = Markers(question, passages)
        self._held = ""
        self._shown: list[str] = []

    @property
    def text(self) -> str:
        """All that was shown."""
        return "".join(self._shown)

    @property
    def quotes(self) -> tuple[Quote, ...]:
        """The quotes that the markers shown count."""
        return tuple(self._markers.quotes) if self._shown else ()

    def add(self, words: str) -> str:
        """Take more words and return what can be shown now, which may be nothing."""
        # PostgreSQL takes no NUL in a text.
        plain = self._thoughts.feed(words.replace("\0", ""))
        return self._show(self._markers.feed(plain))

    def end(self) -> str:
        """Return the rest."""
        rest = self._markers.feed(self._thoughts.end())
        return self._show(rest + self._markers.end())

    def _show(self, text: str) -> str:
        self._held += text
        if not self._markers.has_words:
            return ""
        words = self._held if self._shown else self._held.lstrip()
        shown = words.rstrip()
        self._held = words[len(shown) :]
        if shown:
            self._shown.append(shown)
        return shown
