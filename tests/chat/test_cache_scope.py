"""What decides where an answer is kept."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ragline.chat.cache.scope import Place, place_of, plain
from ragline.chat.question import Question
from ragline.providers.contracts import Turn
from ragline.settings import LLMEndpoint, load_settings

QUESTION = Question("How long does it last?", ("one", "two"))
VERSIONS = {"one": 1, "two": 5}
SETTINGS = load_settings(_env_file=None)
USUAL = place_of("tenant", VERSIONS, QUESTION, (), SETTINGS)


def place(
    tenant: str = "tenant", versions: Any = None, history: Any = (), settings: Any = None, **of: Any
) -> Place:
    """Return the usual place, with one thing changed."""
    question = replace(QUESTION, **of)
    return place_of(tenant, versions or VERSIONS, question, history, settings or SETTINGS)


@pytest.mark.parametrize(
    "changes",
    [
        {"tenant": "other"},
        {"versions": {"one": 2, "two": 5}},
        {"versions": {"one": 1}},
        {"history": [Turn("user", "Hello")]},
        {"history": [Turn("assistant", "Hello")]},
        {"instructions": "Be kind."},
        {"language": "fr"},
        {"limit": 3},
        {"mode": "dense"},
        {"filter": {"type": "eq", "key": "a", "value": 1}},
        {"near": 0.1},
        {"model": "gpt"},
        {"temperature": 0.5},
        {"most_tokens": 10},
        {"history_tokens": 10},
        {"settings": load_settings(_env_file=None, llm="openai")},
        {"settings": load_settings(_env_file=None, openai_model="another")},
        {"settings": load_settings(_env_file=None, ollama_model="another")},
        {"settings": load_settings(_env_file=None, embedder="another")},
        {
            "settings": load_settings(
                _env_file=None, llm_endpoints={"own": LLMEndpoint(base_url="http://x", model="m")}
            )
        },
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_what_decides(changes: dict[str, Any]) -> None:
    """Whatever else decides an answer makes another scope and another key."""

    other = place(**changes)

    assert USUAL.scope != other.scope
    assert USUAL.key != other.key


@pytest.mark.parametrize("name", ["agent_id", "session_id", "message_id"])
def test_who_asks(name: str) -> None:
    """Whose question it is makes no difference within a tenant."""

    assert USUAL == place(**{name: "another"})


def test_order_of_projects() -> None:
    """The order in which projects are named makes no difference."""

    assert USUAL.key == place(versions={"two": 5, "one": 1}, projects=("two", "one")).key


def test_other_words() -> None:
    """Other words have another key in the same scope."""

    other = place(text="How long did it last?")

    assert USUAL.scope == other.scope
    assert USUAL.key != other.key


def test_same_words() -> None:
    """Blanks, a capital at the beginning and a mark at the end make no difference."""

    assert USUAL == place(text=" how  long\ndoes it last ")


@pytest.mark.parametrize(
    ("text", "expected"), [("IT is what?", "IT is what"), ("É", "é"), ("?", "?"), ("A b.", "a b")]
)
def test_plain(text: str, expected: str) -> None:
    """An abbreviation at the beginning stays one, and a mark alone is a question too."""

    assert expected == plain(text)


def test_as_json() -> None:
    """A place survives being a step's result."""

    assert USUAL == Place.of(USUAL.to_json())
