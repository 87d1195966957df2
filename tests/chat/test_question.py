"""Questions as jobs keep them."""

from __future__ import annotations

from ragline.chat.question import Question
from ragline.providers.contracts import Turn


def test_as_usual() -> None:
    """Of a plain question a job keeps what a release before knows."""

    inputs = Question("Why?", ("p",), limit=3).inputs()

    assert {"question": "Why?", "limit": 3, "model": None, "project_id": "p"} == inputs


def test_there_and_back() -> None:
    """A question comes back from its inputs as it was."""

    question = Question(
        "Why?",
        ("p", "q"),
        mode="dense",
        filter={"type": "eq", "key": "a", "value": 1},
        instructions="Be kind.",
        temperature=0.5,
        history=(Turn("user", "Hello"),),
        session_id="s",
        message_id="m",
        stream=True,
    )

    assert question == Question.of(question.inputs())
