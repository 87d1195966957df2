"""Answers by any server that speaks OpenAI's chat completions."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from urllib.parse import urlsplit

from pydantic import SecretStr

from ragline.providers.llms.chat_model import ChatModel
from ragline.providers.llms.completions import models_of, pieces_of
from ragline.providers.llms.conversing import End, Wish
from ragline.providers.llms.exchange import Exchange
from ragline.providers.llms.prompt import Message
from ragline.providers.llms.server_errors import Place, Unusable
from ragline.settings import LLMEndpoint, Settings


class OpenAILLM(ChatModel):
    """Asks a model for an answer with markers and turns these into quotes.

    It makes one attempt: whoever calls decides when to try again.
    """

    def __init__(self, settings: Settings) -> None:
        """Read base URL, key, model and time limit from the settings `openai_*`."""
        place = Place(
            url=settings.openai_base_url,
            key=plain(settings.openai_api_key),
            seconds=settings.openai_timeout_seconds,
            url_setting="RAGLINE_OPENAI_BASE_URL",
            key_setting="RAGLINE_OPENAI_API_KEY",
            model_setting="RAGLINE_OPENAI_MODEL",
            seconds_setting="RAGLINE_OPENAI_TIMEOUT_SECONDS",
            url_hint=", which usually ends in /v1",
        )
        self._set_up("openai", place, settings.openai_model)

    @classmethod
    def named(cls, name: str, endpoint: LLMEndpoint) -> OpenAILLM:
        """Return the adapter of one of `RAGLINE_LLM_ENDPOINTS`."""
        where = f"RAGLINE_LLM_ENDPOINTS ({name}:"
        place = Place(
            url=endpoint.base_url,
            key=plain(endpoint.api_key),
            seconds=endpoint.timeout_seconds,
            url_setting=f"{where} base_url)",
            key_setting=f"{where} api_key)",
            model_setting=f"{where} model)",
            seconds_setting=f"{where} timeout_seconds)",
            url_hint=", which usually ends in /v1",
        )
        return cls.at(name, place, endpoint.model)

    @classmethod
    def at(cls, name: str, place: Place, model: str) -> OpenAILLM:
        """Return an adapter for a place, under a name of its own."""
        adapter = cls.__new__(cls)
        adapter._set_up(name, place, model)
        return adapter

    def _set_up(self, name: str, place: Place, model: str) -> None:
        self.name = self.provider = name
        self._model = model
        self._exchange = Exchange(place)
        self._counts_streams = True
        # OpenAI's newer models know one word for it, all other servers the older one.
        is_openai = urlsplit(place.url).hostname == "api.openai.com"
        self._most_tokens = "max_completion_tokens" if is_openai else "max_tokens"

    @property
    def default_model(self) -> str:
        """The model that the settings name."""
        return self._model

    def models(self) -> list[str]:
        """Return what the server lists; the default alone where it keeps no list."""
        listed = self._exchange.ours(self._listed(), model=self._model)
        return list(dict.fromkeys([self._model, *listed]))

    def close(self) -> None:
        """Close the connections."""
        self._exchange.close()

    def say(self, messages: Sequence[Message], wish: Wish) -> Generator[str | End, None, None]:
        """Yield a model's own words as they come, and last the end."""
        return self._exchange.ours(self._said(messages, wish), model=wish.model)

    def _said(self, messages: Sequence[Message], wish: Wish) -> Iterator[str | End]:
        counts = self._counts_streams
        try:
            yield from self._asked(messages, wish, counts=counts)
        except Unusable as refusal:
            if not (counts and refusal.status in (400, 422) and _is_about_counting(refusal)):
                raise
        else:
            return
        self._counts_streams = False
        yield from self._asked(messages, wish, counts=False)

    def _asked(
        self, messages: Sequence[Message], wish: Wish, *, counts: bool
    ) -> Iterator[str | End]:
        body: dict[str, object] = {"model": wish.model, "messages": messages, "stream": True}
        if counts:
            body["stream_options"] = {"include_usage": True}
        if wish.most_tokens is not None:
            body[self._most_tokens] = wish.most_tokens
        if wish.temperature is not None:
            body["temperature"] = wish.temperature
        with closing(self._exchange.lines("POST", "chat/completions", body)) as lines:
            yield from pieces_of(lines)

    def _listed(self) -> Iterator[str]:
        with closing(self._exchange.lines("GET", "models")) as lines:
            try:
                body = b"\n".join(lines)
            except Unusable as refusal:
                if refusal.status in (404, 405, 501):
                    return
                raise
        yield from models_of(body)


def plain(secret: SecretStr | None) -> str:
    """Return a key without the white space of a file that it was read from."""
    return secret.get_secret_value().strip() if secret else ""


def _is_about_counting(refusal: Unusable) -> bool:
    return "stream_options" in refusal.detail or "include_usage" in refusal.detail
