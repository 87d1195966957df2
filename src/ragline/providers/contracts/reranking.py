"""Judging anew how well passages answer a question."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Reranked:
    """Scores (0–1) of passages in the order given, and what they took; `cost` is in USD."""

    scores: tuple[float, ...]
    model: str = ""
    tokens: int = 0
    cost: float = 0.0


class Reranker(Protocol):
    """Reads a question together with each passage and says how well it answers.

    `name` carries model and version. `provider` is the name under which its calls are limited;
    None means that it computes here: such a reranker runs in a compute child only, is pickled on
    its way there, and loads nothing large before `prepare`. It is built from the settings and
    raises `ConfigurationError`, with how to get weights, where these name no usable model.
    """

    name: str
    provider: str | None
    passages_per_call: int

    def prepare(self) -> None:
        """Load what is slow to load; calls do so where this was not called."""
        ...

    def rerank(self, question: str, passages: Sequence[str]) -> Reranked:
        """Return one score for each of up to `passages_per_call` passages; long texts are cut.

        It is tried once: raises `TemporaryProviderError` where a retry may help, else
        `PermanentProviderError`.
        """
        ...

    def close(self) -> None:
        """Release connections and weights; closing twice is allowed."""
        ...
