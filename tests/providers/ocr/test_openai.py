"""Models that see, behind OpenAI's protocol: what is sent, and what becomes of answers."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from tests.fakes.openai_server import FakeOpenAI, Reply, completion, failure

from ragline.errors import PermanentProviderError, TemporaryProviderError
from ragline.providers.contracts import OCR, PageReading
from ragline.providers.ocr.openai import OpenAIVisionOCR
from ragline.settings import Settings, TokenPrice
from ragline.testing.ocr import LINES, OCRConformance, page_of

KEY = "sk-secret-1234567890"
Connect = Callable[..., OpenAIVisionOCR]
PAGE = page_of(*LINES)


@pytest.fixture
def connect(openai: FakeOpenAI) -> Iterator[Connect]:
    """Build engines from settings and close them after the test."""
    opened: list[OpenAIVisionOCR] = []

    def build(**changes: Any) -> OpenAIVisionOCR:
        values: dict[str, Any] = {
            "ocr_openai_base_url": openai.url,
            "ocr_openai_api_key": KEY,
            "ocr_openai_model": "sees-1",
            "ocr_openai_timeout_seconds": 5,
        }
        opened.append(OpenAIVisionOCR(Settings(_env_file=None, **(values | changes))))
        return opened[-1]

    yield build
    for engine in opened:
        engine.close()


def read(engine: OpenAIVisionOCR) -> PageReading:
    (reading,) = engine.read([PAGE])
    assert reading is not None
    return reading


class TestConformance(OCRConformance):
    """The engine passes the suite for all engines against the fake server."""

    @pytest.fixture
    def ocr(self, connect: Connect) -> OCR:
        return connect()


def test_request(openai: FakeOpenAI, connect: Connect) -> None:
    """The prompt and the picture go in one message of the user."""
    read(connect(ocr_openai_prompt="Write down what you see."))

    (message,) = openai.requests[0]["messages"]
    text, picture = message["content"]
    content = base64.b64encode(PAGE.content).decode()
    assert {"type": "text", "text": "Write down what you see."} == text
    assert f"data:image/jpeg;base64,{content}" == picture["image_url"]["url"]
    assert "sees-1" == openai.requests[0]["model"]


def test_cost(openai: FakeOpenAI, connect: Connect) -> None:
    """Tokens are the server's, their price is the setting's."""
    openai.replies = [completion("The text.", model="sees-1-2026")]
    prices = {"sees-1": TokenPrice(prompt=1_000_000, completion=10_000_000)}
    reading = read(connect(token_prices=prices))

    assert (11, 7, 81.0) == (reading.prompt_tokens, reading.completion_tokens, reading.cost)


def test_code_block(openai: FakeOpenAI, connect: Connect) -> None:
    """A text in a block of code is taken out of it."""
    openai.replies = [completion("```markdown\n# Heading\nText\n```")]

    assert "# Heading\nText" == read(connect()).text


@pytest.mark.parametrize(
    "reply",
    [
        completion("The begin", finish_reason="length"),
        completion("", finish_reason="content_filter"),
        completion(None, refusal="I cannot read this."),
    ],
    ids=["cut off", "filter", "refusal"],
)
def test_answers_without_the_text(openai: FakeOpenAI, connect: Connect, reply: Reply) -> None:
    """An answer that is not the whole text has a problem, though its tokens count."""
    openai.replies = [reply]
    reading = read(connect())

    assert reading.problem
    assert ("", 11) == (reading.text, reading.prompt_tokens)


def test_address_of_the_chat_model(openai: FakeOpenAI) -> None:
    """Without an address of its own it is that of the chat model, with its key and limits."""
    settings = Settings(_env_file=None, openai_base_url=openai.url, openai_api_key=KEY)
    engine = OpenAIVisionOCR(settings)
    read(engine)
    engine.close()

    assert f"Bearer {KEY}" == openai.headers[0]["authorization"]
    assert "openai" == engine.provider


@pytest.mark.parametrize(
    "reply",
    [
        failure(429, Retry_After="3"),
        failure(500),
        Reply(b"oops"),
        Reply(b'{"choices": []}'),
        completion("cut off", sent=50),
        completion("too late", delay=30),
        completion("drop by drop", pause=0.2),
    ],
    ids=["429", "500", "garbage", "empty", "truncated", "timeout", "slow drip"],
)
def test_temporary_faults(openai: FakeOpenAI, connect: Connect, reply: Reply) -> None:
    """What may go better next time is a temporary error, within the time limit."""
    openai.replies = [reply]
    with pytest.raises(TemporaryProviderError):
        read(connect(ocr_openai_timeout_seconds=0.5))


@pytest.mark.parametrize("status", [400, 401, 404])
def test_permanent_faults(openai: FakeOpenAI, connect: Connect, status: int) -> None:
    """What would be refused again is a permanent error that does not show the key."""
    openai.replies = [failure(status, f"No, not with {KEY}")]
    with pytest.raises(PermanentProviderError) as caught:
        read(connect())

    assert KEY not in caught.value.message
