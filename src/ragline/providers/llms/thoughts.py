"""What some models think before they answer, between `<think>` and `</think>`, is dropped."""

from __future__ import annotations

OPEN, CLOSE = "<think>", "</think>"


class Thoughts:
    """Lets an answer through as it comes; what is not yet decided is held back."""

    def __init__(self) -> None:
        self._held = ""
        self._is_thinking = False
        self._is_answering = False

    def feed(self, text: str) -> str:
        """Take more of what a model writes; return what belongs to its answer."""
        self._held += text
        while not self._is_answering:
            if not self._moves():
                return ""
        words, self._held = self._held, ""
        return words

    def end(self) -> str:
        """Return what is left of the answer; thoughts that never end are none of it."""
        return "" if self._is_thinking else self._held

    def _moves(self) -> bool:
        """Take one step on; tell whether there was one to take without more text."""
        if self._is_thinking:
            _, closed, rest = self._held.partition(CLOSE)
            self._held = rest if closed else self._held[1 - len(CLOSE) :]
            self._is_thinking = not closed
            return bool(closed)
        words = self._held.lstrip()
        self._is_thinking = words.startswith(OPEN)
        if self._is_thinking:
            self._held = words[len(OPEN) :]
            return True
        self._is_answering = not OPEN.startswith(words)
        return self._is_answering
