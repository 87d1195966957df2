"""A question with all that decides how it is answered, as a job keeps it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from ragline.providers.contracts import Turn
from ragline.search.retrieval import Mode

LIMIT = 6
HISTORY_TOKENS = 1500
NEAR = 0.15
"""A passage with at least this score is near: it shares words with the question, or its meaning."""
_AS_TUPLE = ("projects", "history")


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked, of which projects, and how.

    `projects` are ids; those deleted since are left out. `filter` is an attribute filter as
    JSON. `history` is what was said before, oldest first, where no session keeps it. `near` is
    the score from which a passage counts as near; fewer than three, and other words are tried.
    Passages below `least_score` (0 to 1) are left out. With `stream` the pieces of the answer
    become events of the job. `may_give` and `may_keep` say whether a kept answer to it may be
    given, and whether its own may be kept.
    """

    text: str
    projects: tuple[str, ...]
    limit: int = LIMIT
    mode: Mode = "hybrid"
    filter: dict[str, Any] | None = None
    near: float = NEAR
    least_score: float = 0.0
    model: str | None = None
    instructions: str = ""
    language: str | None = None
    temperature: float | None = None
    most_tokens: int | None = None
    history: tuple[Turn, ...] = ()
    history_tokens: int = HISTORY_TOKENS
    agent_id: str | None = None
    session_id: str | None = None
    message_id: str | None = None
    stream: bool = False
    may_give: bool = True
    may_keep: bool = True

    def inputs(self) -> dict[str, Any]:
        """Return the question as a job's inputs: JSON, without what is as usual."""
        always: dict[str, Any] = {"question": self.text, "limit": self.limit, "model": self.model}
        if len(self.projects) == 1:
            always["project_id"] = self.projects[0]
        else:
            always["projects"] = list(self.projects)
        if self.history:
            always["history"] = [[turn.role, turn.text] for turn in self.history]
        for field in fields(self):
            value = getattr(self, field.name)
            if field.name not in (*_AS_TUPLE, "text", "limit", "model") and value != field.default:
                always[field.name] = value
        return always

    @classmethod
    def of(cls, inputs: Mapping[str, Any]) -> Question:
        """Return the question that a job was accepted with."""
        rest = {name: inputs[name] for name in _KEPT if name in inputs}
        projects = inputs.get("projects") or [inputs["project_id"]]
        history = tuple(Turn(role, text) for role, text in inputs.get("history", ()))
        return cls(inputs["question"], tuple(projects), history=history, **rest)


_KEPT = [field.name for field in fields(Question) if field.name not in (*_AS_TUPLE, "text")]
