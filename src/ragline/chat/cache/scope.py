"""What decides an answer, as hashes under which it is kept; pure."""

from __future__ import annotations

import hashlib
import json
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from importlib.metadata import version
from typing import Any

from ragline.chat.question import Question
from ragline.providers.contracts import Turn
from ragline.settings import Settings

# Who asks, where and how the answer is sent, does not decide it; what a session remembers and
# an agent demands does, and is part of the question or of its history.
_NO_MATTER = frozenset(
    {
        *("text", "projects", "history", "agent_id", "session_id", "message_id", "stream"),
        *("may_give", "may_keep"),
    }
)
_RELEASE = version("ragline")
_MODELS = (
    *("llm", "embedder", "openai_base_url", "openai_model", "ollama_base_url", "ollama_model"),
    *("ollama_context", "local_llm_path", "local_llm_context"),
)


@dataclass(frozen=True, slots=True)
class Place:
    """Where the answer to a question is kept, as long as these versions of its projects last."""

    scope: str
    key: str
    projects: Mapping[str, int]

    def to_json(self) -> dict[str, Any]:
        """Return the place as a step's result."""
        return {"scope": self.scope, "key": self.key, "projects": dict(self.projects)}

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> Place:
        """Return the place that a step gave back."""
        return cls(given["scope"], given["key"], given["projects"])


def place_of(
    tenant_id: str,
    versions: Mapping[str, int],
    question: Question,
    history: Sequence[Turn],
    settings: Settings,
) -> Place:
    """Return where the answer to a question is kept.

    Its `scope` covers all that decides the answer but the words of the question: a new version
    of a project, another model or another turn before the question make another one.
    """
    scope = _digest(
        {
            "release": _RELEASE,
            "tenant": tenant_id,
            "projects": dict(versions),
            "models": _models(settings),
            "history": [[turn.role, turn.text] for turn in history],
            "question": {
                field.name: getattr(question, field.name)
                for field in fields(question)
                if field.name not in _NO_MATTER
            },
        }
    )
    return Place(scope, _digest([scope, plain(question.text)]), versions)


def plain(text: str) -> str:
    """Return a question without what decides nothing: blanks, its first capital, its last mark."""
    words = " ".join(unicodedata.normalize("NFC", text).split()).rstrip(" ?!.…") or text
    return words if words[1:2].isupper() else words[:1].lower() + words[1:]


def _models(settings: Settings) -> dict[str, Any]:
    """Return the settings that say which models answer, without their keys."""
    servers = {
        name: [server.base_url, server.model] for name, server in settings.llm_endpoints.items()
    }
    return {name: str(getattr(settings, name)) for name in _MODELS} | {"servers": servers}


def _digest(content: object) -> str:
    text = json.dumps(content, ensure_ascii=False, sort_keys=True, default=asdict)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
