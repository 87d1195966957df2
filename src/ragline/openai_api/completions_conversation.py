"""A conversation in messages: the question, what was said before it, and instructions; pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal, Protocol

from ragline.chat.question import Question
from ragline.openai_api.errors import refused
from ragline.providers.contracts import Turn

MOST_QUESTION_CHARACTERS = 16_000
Role = Literal["user", "assistant", "system", "developer"]


class Message(Protocol):
    """A message with its words."""

    @property
    def role(self) -> Role:
        """Whose words they are."""

    @property
    def text(self) -> str:
        """The words."""


@dataclass(frozen=True, slots=True)
class Conversation:
    """A question, the turns before it, oldest first, and wishes of tone and role."""

    question: str
    history: tuple[Turn, ...]
    instructions: str


def conversation(messages: Sequence[Message], *, parameter: str) -> Conversation:
    """Read messages of which the last is the question.

    Raises `RequestValidationError`, naming the parameter, where it is not, or is too long.
    """
    last = len(messages) - 1
    if messages[last].role != "user" or not messages[last].text.strip():
        raise refused(parameter, "must be the user's question: it is what is answered")
    question = messages[last].text
    if len(question) > MOST_QUESTION_CHARACTERS:
        raise refused(
            parameter,
            f"must have at most {MOST_QUESTION_CHARACTERS} characters, since it is what is "
            "searched for; put documents into a vector store",
        )
    history = []
    for message in messages[:last]:
        if message.role == "user" or message.role == "assistant":
            history.append(Turn(message.role, message.text))
    wishes = [each.text for each in messages if each.role in ("system", "developer")]
    return Conversation(question, tuple(history), "\n\n".join(wishes))


def in_words_of(question: Question, said: Conversation) -> Question:
    """Return a question with what was said before it; wishes come after its agent's own."""
    wishes = "\n\n".join(each for each in (question.instructions, said.instructions) if each)
    return replace(question, history=said.history, instructions=wishes)
