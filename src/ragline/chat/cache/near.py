"""The vectors of kept questions, in memory, so that near ones are found at once."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import numpy as np

from ragline.providers.best_effort import BestEffortCache
from ragline.providers.contracts import KeptQuestion, Vectors

MOST_OF_A_SCOPE = 2_000
MOST_IN_MEMORY = 20_000
# Clocks differ, and what was written first may be seen last.
OVERLAP = timedelta(seconds=5)


@dataclass(slots=True)
class _Scope:
    """The questions of one scope by their keys; `matrix` has their vectors as rows, or is old."""

    questions: OrderedDict[str, KeptQuestion] = field(default_factory=OrderedDict)
    matrix: Vectors | None = None
    newest: datetime | None = None


class NearQuestions:
    """Looks up kept questions by their vectors; what other processes keep is read as it comes.

    A scope holds its newest 2,000 questions. Scopes that were not asked for lately are dropped
    where there are too many questions in all, and read again when they are wanted.
    """

    def __init__(self, cache: BestEffortCache, *, most: int = MOST_IN_MEMORY) -> None:
        self._cache = cache
        self._most = most
        self._scopes: OrderedDict[str, _Scope] = OrderedDict()
        self._lock = threading.Lock()

    def near(
        self, scope: str, embedded: Callable[[], Vectors], *, similarity: float
    ) -> list[KeptQuestion]:
        """Return a scope's questions with at least this cosine to a vector, nearest first.

        `embedded` makes the vector, which takes longer than all else, where there is anything
        to compare it with.
        """
        self._refresh(scope)
        with self._lock:
            known = self._scopes.get(scope)
            if known is None:
                return []
            questions = list(known.questions.values())
            if known.matrix is None:
                known.matrix = np.stack([each.vector for each in questions])
            matrix = known.matrix
        cosines = matrix @ embedded()
        # Rounding must not keep a question from being like itself.
        found = np.flatnonzero(cosines >= similarity - 1e-6)
        return [questions[row] for row in found[np.argsort(-cosines[found])]]

    def forget(self, scope: str, key: str) -> None:
        """Drop a question whose answer is gone."""
        with self._lock:
            known = self._scopes.get(scope)
            if known is None or known.questions.pop(key, None) is None:
                return
            known.matrix = None
            if not known.questions:
                del self._scopes[scope]

    def _refresh(self, scope: str) -> None:
        """Read what was kept since the last look, here or elsewhere."""
        with self._lock:
            known = self._scopes.get(scope)
            since = known.newest - OVERLAP if known and known.newest else None
        fresh = self._cache.newest(scope, since=since, limit=MOST_OF_A_SCOPE)
        with self._lock:
            if fresh or scope in self._scopes:
                self._learn(scope, fresh)

    def _learn(self, scope: str, fresh: Sequence[KeptQuestion]) -> None:
        known = self._scopes.setdefault(scope, _Scope())
        self._scopes.move_to_end(scope)
        for question in reversed(fresh):
            known.newest = max(question.kept_at, known.newest or question.kept_at)
            if question.key not in known.questions:
                known.questions[question.key] = question
                known.matrix = None
        while len(known.questions) > MOST_OF_A_SCOPE:
            known.questions.popitem(last=False)
        while len(self._scopes) > 1 and self._count() > self._most:
            self._scopes.popitem(last=False)

    def _count(self) -> int:
        return sum(len(each.questions) for each in self._scopes.values())
