"""What all adapters of chat models are: a way to have a model say something, put to four uses."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Generator, Sequence

from ragline.providers.contracts import Answer, Ask, Rewrite, Task, Turn, Written, drained
from ragline.providers.llms.conversing import End, Wish, answered, rewritten, written
from ragline.providers.llms.prompt import Message


class ChatModel(ABC):
    """Answers, rewrites and writes by asking a model; adapters say how it is asked."""

    name: str
    provider: str | None

    @property
    @abstractmethod
    def default_model(self) -> str:
        """The model asked where a request names none."""

    @abstractmethod
    def say(self, messages: Sequence[Message], wish: Wish) -> Generator[str | End, None, None]:
        """Yield a model's own words as they come, and last the end; raise only our errors."""

    def stream(self, ask: Ask) -> Generator[str | Answer, None, None]:
        """Yield the answer as it comes, with markers `[k]` for its k-th quotes."""
        return answered(ask, self.say, adapter=self.name, default=self.default_model)

    def answer(self, ask: Ask) -> Answer:
        """Return the whole answer at once."""
        return drained(self.stream(ask))

    def rewrite(
        self,
        question: str,
        history: Sequence[Turn] = (),
        *,
        other_words: bool = False,
        model: str | None = None,
    ) -> Rewrite:
        """Have the model write queries for a question."""
        return rewritten(
            question,
            history,
            self.say,
            other_words=other_words,
            adapter=self.name,
            model=model or self.default_model,
        )

    def write(self, task: Task) -> Written:
        """Have the model do work on a text."""
        return written(task, self.say, adapter=self.name, default=self.default_model)
