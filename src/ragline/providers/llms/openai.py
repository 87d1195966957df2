"""Answers by any server that speaks OpenAI's chat completions."""

from __future__ import annotations

import re
import time
from collections.abc import Sequence
from urllib.parse import urlsplit

import httpx2
import openai
from openai.types.chat import ChatCompletionMessageParam
from pydantic import BaseModel, ValidationError

from ragline.errors import ConfigurationError, ProviderError
from ragline.providers.contracts import Answer, Passage, Usage
from ragline.providers.llms import prompt
from ragline.providers.llms.markers import cited
from ragline.providers.llms.openai_errors import Unusable, detail_of, translated
from ragline.providers.llms.phrases import nothing_found
from ragline.settings import Settings

LARGEST_ANSWER_BYTES = 8 * 1024**2
# Servers of local models want no key, but the SDK would then take one from the environment
# that was meant for somebody else.
NO_KEY = "none"

_MARKS = re.compile(r"\[[\d,;\s]*\]|\W")
_THOUGHTS = re.compile(r"^\s*<think>.*?</think>", re.DOTALL)


class _Part(BaseModel):
    type: str = "text"
    text: str = ""


class _Message(BaseModel):
    content: str | list[_Part] | None = None
    refusal: str | None = None


class _Choice(BaseModel):
    message: _Message
    finish_reason: str | None = None


class _Tokens(BaseModel):
    prompt_tokens: int = 0
    completion_tokens: int = 0


class _Completion(BaseModel):
    """The fields that are used; servers differ in all others.

    Source: https://platform.openai.com/docs/api-reference/chat/object
    """

    choices: list[_Choice] = []
    model: str | None = None
    usage: _Tokens | None = None
    error: object = None


class OpenAILLM:
    """Asks a model for an answer with markers and turns these into quotes.

    It makes one attempt: whoever calls decides when to try again.
    """

    name = "openai"
    provider: str | None = "openai"

    def __init__(self, settings: Settings) -> None:
        """Read base URL, key, model and time limit from the settings `openai_*`."""
        secret = settings.openai_api_key
        self._key = secret.get_secret_value().strip() if secret else ""
        self._model = settings.openai_model
        self._timeout = settings.openai_timeout_seconds
        self._client = openai.OpenAI(
            base_url=_http_url(settings.openai_base_url),
            api_key=self._key or NO_KEY,
            timeout=self._timeout,
            max_retries=0,
        )

    def answer(
        self, question: str, passages: Sequence[Passage], *, model: str | None = None
    ) -> Answer:
        """Return an answer whose marker `[k]` stands for its k-th quote.

        Without passages there is nothing to answer from, and nothing is asked or paid.
        """
        asked = model or self._model
        if not passages:
            return Answer(nothing_found(question), (), Usage(model=asked))
        completion = self._complete(
            asked,
            [
                {"role": "system", "content": prompt.rules(question)},
                {"role": "user", "content": prompt.request(question, passages)},
            ],
        )
        text, quotes = cited(_text(completion.choices[0]), question, passages)
        tokens = completion.usage or _Tokens()
        usage = Usage(completion.model or asked, tokens.prompt_tokens, tokens.completion_tokens)
        return Answer(text, quotes, usage)

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def _complete(self, model: str, messages: list[ChatCompletionMessageParam]) -> _Completion:
        """Ask once; every failure becomes one of ours.

        It is raised outside the handler, so that no trace holds the vendor's error with
        the headers of the request.
        """
        failure: ProviderError
        try:
            return _parsed(self._body(model, messages))
        except (openai.OpenAIError, httpx2.HTTPError, Unusable, UnicodeError) as error:
            failure = translated(error, key=self._key, model=model, timeout=self._timeout)
        raise failure

    def _body(self, model: str, messages: list[ChatCompletionMessageParam]) -> bytes:
        """Return the answer's bytes within the time limit, however slowly they come."""
        deadline = time.monotonic() + self._timeout
        body = bytearray()
        with self._client.chat.completions.with_streaming_response.create(
            model=model, messages=messages
        ) as response:
            for part in response.iter_bytes():
                body += part
                if time.monotonic() > deadline:
                    raise httpx2.ReadTimeout("The answer was not complete in time.")
                if len(body) > LARGEST_ANSWER_BYTES:
                    raise Unusable("The model's answer is larger than 8 MiB.")
        return bytes(body)


def _parsed(body: bytes) -> _Completion:
    """Return a completion with words in its first choice, or raise `Unusable`."""
    try:
        completion = _Completion.model_validate_json(body)
    except ValidationError:
        raise Unusable("The model server's answer is no chat completion.") from None
    if not completion.choices:
        raise _reported(completion.error)
    choice = completion.choices[0]
    if not _MARKS.sub("", _text(choice)):
        if choice.finish_reason == "content_filter":
            raise Unusable("", status=422, detail="The provider's content filter took the answer.")
        raise Unusable("The model's answer is empty.")
    return completion


def _reported(error: object) -> Unusable:
    """Return the failure that some gateways report in an answer with status 200."""
    code = error.get("code") if isinstance(error, dict) else None
    status = code if isinstance(code, int) and 400 <= code <= 599 else None
    return Unusable("The model server gave no answer.", status=status, detail=detail_of(error))


def _text(choice: _Choice) -> str:
    """Return the words of a choice, without the thoughts that some models put first."""
    content = choice.message.content
    if isinstance(content, list):
        content = "".join(part.text for part in content if part.type == "text")
    words = content or choice.message.refusal or ""
    # PostgreSQL takes no NUL in a text.
    return _THOUGHTS.sub("", words.replace("\0", "")).strip()


def _http_url(url: str) -> str:
    """Return a base URL that can be called; raise `ConfigurationError` for any other."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ConfigurationError(
            "RAGLINE_OPENAI_BASE_URL must begin with http:// or https:// and name a server, "
            "like http://127.0.0.1:11434/v1."
        )
    return url
