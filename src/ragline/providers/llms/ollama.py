"""Answers by a server of Ollama, in its own protocol."""

from __future__ import annotations

import threading
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing

from pydantic import BaseModel, ValidationError

from ragline.providers.llms.chat_model import ChatModel
from ragline.providers.llms.conversing import End, Wish
from ragline.providers.llms.exchange import Exchange
from ragline.providers.llms.prompt import Message
from ragline.providers.llms.server_errors import Place, Unusable
from ragline.settings import Settings


class _Said(BaseModel):
    content: str = ""


class _Event(BaseModel):
    """The fields that are used of one line of an answer.

    Source: https://docs.ollama.com/api/chat and https://docs.ollama.com/api/pull
    """

    model: str | None = None
    message: _Said | None = None
    done: bool = False
    done_reason: str | None = None
    prompt_eval_count: int | None = None
    eval_count: int | None = None
    status: str | None = None
    error: str | None = None


class _Model(BaseModel):
    name: str


class _Models(BaseModel):
    models: list[_Model]


class OllamaLLM(ChatModel):
    """Asks a model of Ollama, which may be fetched at its first use.

    Unlike Ollama's OpenAI-compatible interface, its own takes the length of the context:
    without it a long prompt is silently cut.
    """

    name = "ollama"
    provider: str | None = "ollama"

    def __init__(self, settings: Settings) -> None:
        """Read the settings `ollama_*`."""
        self._place = place_of(settings, model_setting="RAGLINE_OLLAMA_MODEL")
        self._exchange = Exchange(self._place)
        self._settings = settings
        self._puller = Puller(self._exchange, settings)

    @property
    def default_model(self) -> str:
        """The model that the settings name."""
        return self._settings.ollama_model

    def models(self) -> list[str]:
        """Return the models that Ollama holds, behind the default."""
        default = self._settings.ollama_model
        listed = self._exchange.ours(self._listed(), model=default)
        return list(dict.fromkeys([default, *(_short(name, default) for name in listed)]))

    def close(self) -> None:
        """Close the connections."""
        self._exchange.close()

    def say(self, messages: Sequence[Message], wish: Wish) -> Generator[str | End, None, None]:
        """Yield a model's own words as they come, and last the end."""
        return self._exchange.ours(self._said(messages, wish), model=wish.model)

    def _said(self, messages: Sequence[Message], wish: Wish) -> Iterator[str | End]:
        try:
            yield from self._asked(messages, wish)
        except Unusable as refusal:
            # Before the first word there is no answer that a second call could repeat.
            if refusal.status != 404 or not self._settings.ollama_pull:
                raise
        else:
            return
        self._puller.pull(wish.model)
        yield from self._asked(messages, wish)

    def _asked(self, messages: Sequence[Message], wish: Wish) -> Iterator[str | End]:
        options: dict[str, object] = {"num_ctx": self._settings.ollama_context}
        if wish.most_tokens is not None:
            options["num_predict"] = wish.most_tokens
        if wish.temperature is not None:
            options["temperature"] = wish.temperature
        body = {
            "model": wish.model,
            "messages": messages,
            "stream": True,
            "keep_alive": duration(self._settings.ollama_keep_alive),
            "options": options,
        }
        with closing(self._exchange.lines("POST", "api/chat", body)) as lines:
            for event in _events(lines):
                if event.message and event.message.content:
                    yield event.message.content
                if event.done:
                    yield _end(event)
                    return
        raise Unusable("The model's answer broke off before its end.")

    def _listed(self) -> Iterator[str]:
        with closing(self._exchange.lines("GET", "api/tags")) as lines:
            body = b"\n".join(lines)
        try:
            yield from [model.name for model in _Models.model_validate_json(body).models]
        except ValidationError:
            raise Unusable("The model server's answer is no list of models.") from None


def _events(lines: Iterator[bytes]) -> Iterator[_Event]:
    """Yield the lines' fields; an error among them is raised."""
    for line in lines:
        if not line.strip():
            continue
        try:
            event = _Event.model_validate_json(line)
        except ValidationError:
            raise Unusable("The server's answer is none of Ollama's.") from None
        if event.error is not None:
            raise Unusable("Ollama failed.", detail=" ".join(event.error.split()))
        yield event


def _end(event: _Event) -> End:
    return End(
        event.model,
        event.prompt_eval_count or 0,
        event.eval_count or 0,
        truncated=event.done_reason == "length",
    )


def place_of(settings: Settings, *, model_setting: str) -> Place:
    """Return where Ollama is asked, by the settings `ollama_*`."""
    secret = settings.ollama_api_key
    return Place(
        url=settings.ollama_base_url,
        key=secret.get_secret_value().strip() if secret else "",
        seconds=settings.ollama_timeout_seconds,
        url_setting="RAGLINE_OLLAMA_BASE_URL",
        key_setting="RAGLINE_OLLAMA_API_KEY",
        model_setting=model_setting,
        seconds_setting="RAGLINE_OLLAMA_TIMEOUT_SECONDS",
        url_hint="; RAGLINE_OLLAMA_PULL=true has missing models fetched",
    )


class Puller:
    """Has models fetched, one at a time; whoever comes meanwhile waits for the same."""

    def __init__(self, exchange: Exchange, settings: Settings) -> None:
        self._exchange = exchange
        self._seconds = settings.ollama_pull_seconds
        self._pulling = threading.Lock()

    def pull(self, model: str) -> None:
        """Have a model fetched; raise `Unusable` where that breaks off."""
        body = {"model": model, "stream": True}
        asked = self._exchange.lines("POST", "api/pull", body, seconds=self._seconds)
        with self._pulling, closing(asked) as lines:
            if not any(event.status == "success" for event in _events(lines)):
                raise Unusable("Ollama's fetching of the model broke off.")


def duration(text: str) -> str | int:
    """Return a duration as Ollama takes it: a bare number means seconds only as a number."""
    return int(text) if text.removeprefix("-").isdigit() else text


def _short(name: str, default: str) -> str:
    """Return the default's own name for it: without a tag it means the latest."""
    return default if name == f"{default}:latest" else name
