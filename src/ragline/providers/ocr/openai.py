"""Reads pages with a model that sees, behind any server with OpenAI's chat completions.

Source: https://platform.openai.com/docs/guides/images-vision
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from typing import Any
from urllib.parse import urlsplit

from pydantic import BaseModel, ValidationError

from ragline.providers.contracts import PagePicture, PageReading, Usage
from ragline.providers.llms.exchange import Exchange
from ragline.providers.llms.server_errors import Place, Unusable, reported
from ragline.providers.prices import cost_of
from ragline.settings import Settings

_FENCED = re.compile(r"\A\s*```[\w-]*\n(?P<inside>.*?)\n?```\s*\Z", re.DOTALL)


class _Part(BaseModel):
    type: str = "text"
    text: str = ""


class _Message(BaseModel):
    content: str | list[_Part] | None = None
    refusal: str | None = None

    @property
    def text(self) -> str:
        if isinstance(self.content, list):
            return "".join(part.text for part in self.content if part.type == "text")
        return self.content or ""


class _Choice(BaseModel):
    message: _Message
    finish_reason: str | None = None


class _Tokens(BaseModel):
    prompt_tokens: int | None = None
    completion_tokens: int | None = None


class _Completion(BaseModel):
    choices: list[_Choice] | None = None
    model: str | None = None
    usage: _Tokens | None = None
    error: Any = None


class OpenAIVisionOCR:
    """Asks for a transcription of one page in each call."""

    pages_per_call = 1

    def __init__(self, settings: Settings) -> None:
        """Read the settings `ocr_openai_*`; without an address of its own, `openai_*` too."""
        own = settings.ocr_openai_base_url
        secret = settings.ocr_openai_api_key or (None if own else settings.openai_api_key)
        url = own or settings.openai_base_url
        place = Place(
            url=url,
            key=secret.get_secret_value().strip() if secret else "",
            seconds=settings.ocr_openai_timeout_seconds,
            url_setting="RAGLINE_OCR_OPENAI_BASE_URL" if own else "RAGLINE_OPENAI_BASE_URL",
            key_setting="RAGLINE_OCR_OPENAI_API_KEY",
            model_setting="RAGLINE_OCR_OPENAI_MODEL",
            seconds_setting="RAGLINE_OCR_OPENAI_TIMEOUT_SECONDS",
            url_hint=", which usually ends in /v1",
        )
        # Where it is the server that answers questions too, both keep to the same limits.
        self.provider = "ocr_openai" if own else "openai"
        self._model = settings.ocr_openai_model
        self._prompt = settings.ocr_openai_prompt
        self._prices = settings.token_prices
        self._exchange = Exchange(place)
        is_openai = urlsplit(url).hostname == "api.openai.com"
        most = "max_completion_tokens" if is_openai else "max_tokens"
        self._most: Mapping[str, int] = {most: settings.ocr_openai_max_tokens}
        self.name = f"openai:{self._model}"

    def read(self, pictures: Sequence[PagePicture]) -> list[PageReading | None]:
        """Return the text of a page as the model writes it."""
        return [self._read(picture) for picture in pictures]

    def close(self) -> None:
        """Close the connections."""
        self._exchange.close()

    def _read(self, picture: PagePicture) -> PageReading:
        content = base64.b64encode(picture.content).decode()
        url = f"data:{picture.media_type};base64,{content}"
        said = [
            {"type": "text", "text": self._prompt},
            {"type": "image_url", "image_url": {"url": url, "detail": "high"}},
        ]
        body = {"model": self._model, "messages": [{"role": "user", "content": said}], **self._most}
        (completion,) = self._exchange.ours(self._asked(body), model=self._model)
        return self._reading(completion)

    def _asked(self, body: Mapping[str, Any]) -> Iterator[_Completion]:
        with closing(self._exchange.lines("POST", "chat/completions", body)) as lines:
            content = b"\n".join(lines)
        try:
            completion = _Completion.model_validate_json(content)
        except ValidationError:
            raise Unusable("The model server's answer is no chat completion.") from None
        if completion.error is not None:
            raise reported(completion.error)
        if not completion.choices:
            raise Unusable("The model server gave no answer.")
        yield completion

    def _reading(self, completion: _Completion) -> PageReading:
        tokens = completion.usage or _Tokens()
        usage = Usage(
            completion.model or self._model,
            tokens.prompt_tokens or 0,
            tokens.completion_tokens or 0,
        )
        assert completion.choices, "an answer without any is no answer"
        choice = completion.choices[0]
        problem = _problem(choice)
        return PageReading(
            "" if problem else _unfenced(choice.message.text),
            model=usage.model,
            prompt_tokens=usage.prompt_tokens,
            completion_tokens=usage.completion_tokens,
            cost=cost_of(usage, self._prices),
            problem=problem,
        )


def _problem(choice: _Choice) -> str | None:
    """Return why an answer is not the text of the page."""
    if choice.message.refusal:
        return "The model refused to read the page."
    if choice.finish_reason == "content_filter":
        return "The provider's content filter took the text."
    if choice.finish_reason == "length":
        return (
            "The text was cut off at its longest; raise RAGLINE_OCR_OPENAI_MAX_TOKENS, or the "
            "model repeated itself."
        )
    return None


def _unfenced(text: str) -> str:
    """Return what a model put into a block of code, as they like to."""
    match = _FENCED.match(text)
    return (match["inside"] if match else text).strip()
