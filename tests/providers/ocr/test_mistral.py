"""Mistral's OCR: what is sent, what becomes of answers, and of every fault."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from tests.fakes.mistral_server import FakeMistral, ocr_answer
from tests.fakes.openai_server import Reply, failure

from ragline.errors import ConfigurationError, PermanentProviderError, TemporaryProviderError
from ragline.providers.contracts import OCR
from ragline.providers.ocr.mistral import MistralOCR
from ragline.settings import Settings
from ragline.testing.ocr import LINES, OCRConformance, page_of

KEY = "key-secret-1234567890"
Connect = Callable[..., MistralOCR]
PAGE = page_of(*LINES)


@pytest.fixture
def connect(mistral: FakeMistral) -> Iterator[Connect]:
    """Build engines from settings and close them after the test."""
    opened: list[MistralOCR] = []

    def build(**changes: Any) -> MistralOCR:
        values: dict[str, Any] = {
            "ocr_mistral_base_url": mistral.url,
            "ocr_mistral_api_key": KEY,
            "ocr_mistral_timeout_seconds": 5,
            "ocr_mistral_page_price": 0.002,
        }
        opened.append(MistralOCR(Settings(_env_file=None, **(values | changes))))
        return opened[-1]

    yield build
    for engine in opened:
        engine.close()


class TestConformance(OCRConformance):
    """The engine passes the suite for all engines against the fake server."""

    @pytest.fixture
    def ocr(self, connect: Connect) -> OCR:
        return connect()


def test_one_page_is_sent_as_a_picture(mistral: FakeMistral, connect: Connect) -> None:
    """A single page goes as a data URL of its picture, with the key in the header."""
    connect().read([PAGE])

    document = mistral.requests[0]["document"]
    content = base64.b64encode(PAGE.content).decode()
    assert {"type": "image_url", "image_url": f"data:image/jpeg;base64,{content}"} == document
    assert "mistral-ocr-latest" == mistral.requests[0]["model"]
    assert f"Bearer {KEY}" == mistral.headers[0]["authorization"]


def test_several_pages_are_one_call(mistral: FakeMistral, connect: Connect) -> None:
    """Several pages go as one PDF, and each is credited its own text and price."""
    mistral.text = lambda index: f"This is page {index}."
    read = connect().read([PAGE, PAGE, PAGE])

    assert ["This is page 0.", "This is page 1.", "This is page 2."] == [
        reading.text for reading in read if reading
    ]
    assert [0.002] * 3 == [reading.cost for reading in read if reading]
    assert "document_url" == mistral.requests[0]["document"]["type"]
    assert 1 == len(mistral.requests)


def test_a_page_is_lacking(mistral: FakeMistral, connect: Connect) -> None:
    """A page that an answer lacks is None; what was paid is shared by the others."""
    mistral.replies = [ocr_answer(["First.", None, "Third."])]
    first, second, third = connect().read([PAGE, PAGE, PAGE])

    assert ("First.", None, "Third.") == (first and first.text, second, third and third.text)
    assert first is not None
    assert pytest.approx(0.003) == first.cost


def test_pictures_are_no_text(mistral: FakeMistral, connect: Connect) -> None:
    """The marks of pictures are left out of the text; a page of nothing else is empty."""
    mistral.text = lambda _index: "![img-0.jpeg](img-0.jpeg)"
    (reading,) = connect().read([PAGE])

    assert reading is not None
    assert ("", 0.002) == (reading.text, reading.cost)


def test_no_key() -> None:
    """Without a key Mistral's own address is not asked, and the start says what to set."""
    with pytest.raises(ConfigurationError, match="RAGLINE_OCR_MISTRAL_API_KEY"):
        MistralOCR(Settings(_env_file=None))


def test_too_many_calls(mistral: FakeMistral, connect: Connect) -> None:
    """A 429 is temporary and carries the seconds of its Retry-After."""
    mistral.replies = [failure(429, "Rate limit exceeded", Retry_After="7")]
    with pytest.raises(TemporaryProviderError) as caught:
        connect().read([PAGE])

    assert 7.0 == caught.value.retry_after


@pytest.mark.parametrize(
    "reply",
    [
        failure(500),
        failure(503),
        Reply(b"<html>Bad gateway</html>", content_type="text/html"),
        Reply(b"{}"),
        Reply(b""),
        Reply(b"[1, 2]"),
        Reply(b'{"pages": [{"index": 0}]}'),
        ocr_answer([]),
        ocr_answer([None, "a page that nobody sent"]),
        ocr_answer(["cut off"], sent=60),
        ocr_answer(["too late"], delay=30),
        ocr_answer(["drop by drop"], pause=0.2),
    ],
    ids=[
        "500", "503", "html", "no pages", "nothing", "list", "no text", "empty", "other page",
        "truncated", "timeout", "slow drip",
    ],
)  # fmt: skip
def test_temporary_faults(mistral: FakeMistral, connect: Connect, reply: Reply) -> None:
    """What may go better next time is a temporary error within the time limit, without the key."""
    mistral.replies = [reply]
    with pytest.raises(TemporaryProviderError) as caught:
        connect(ocr_mistral_timeout_seconds=0.5).read([PAGE])

    assert KEY not in caught.value.message


@pytest.mark.parametrize("status", [400, 401, 403, 404, 413, 422])
def test_permanent_faults(mistral: FakeMistral, connect: Connect, status: int) -> None:
    """What would be refused again is a permanent error that does not show the key."""
    mistral.replies = [failure(status, f"No, not with {KEY}")]
    with pytest.raises(PermanentProviderError) as caught:
        connect().read([PAGE])

    assert KEY not in caught.value.message
