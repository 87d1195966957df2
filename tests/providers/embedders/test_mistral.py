"""Mistral is asked in its own words for the same wishes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from tests.fakes.openai_server import failure
from tests.fakes.text_embeddings import FakeTextEmbeddings

from ragline.errors import ConfigurationError, RefusedTexts
from ragline.providers import registry
from ragline.providers.contracts import Embedder
from ragline.settings import Settings
from ragline.testing.embedder import EmbedderConformance

KEY = "mistral-1234567890"


def connect(url: str, spec: str = "mistral", **changes: Any) -> Embedder:
    values: dict[str, Any] = {
        "embedder_mistral_base_url": url,
        "embedder_mistral_api_key": KEY,
        "embedder_mistral_timeout_seconds": 5,
    }
    return registry.embedder(spec, Settings(_env_file=None, **(values | changes)))


@pytest.fixture
def fake() -> Iterator[FakeTextEmbeddings]:
    with FakeTextEmbeddings(dimensions=1024).running() as server:
        assert isinstance(server, FakeTextEmbeddings)
        yield server


class TestConformance(EmbedderConformance):
    """The adapter passes the suite."""

    @pytest.fixture
    def embedder(self, fake: FakeTextEmbeddings) -> Iterator[Embedder]:
        made = connect(fake.url)
        yield made
        made.close()


def test_a_request_holds_model_and_texts(fake: FakeTextEmbeddings) -> None:
    """And the key, but no form of numbers, which are plain."""
    made = connect(fake.url)
    made.embed_query("the tide")

    assert [{"model": "mistral-embed", "input": ["the tide"]}] == fake.requests
    assert f"Bearer {KEY}" == fake.headers[0]["authorization"]
    made.close()


def test_dimensions_have_another_name(fake: FakeTextEmbeddings) -> None:
    """What OpenAI calls `dimensions` is `output_dimension`."""
    made = connect(fake.url, "mistral:codestral-embed@256")
    made.embed_query("the tide")

    assert 256 == fake.requests[0]["output_dimension"]
    made.close()


def test_calls_stay_below_its_limit_of_tokens(fake: FakeTextEmbeddings) -> None:
    """A call takes some 16,000 tokens, however many texts they make."""
    made = connect(fake.url)
    made.embed_passages(["seven words that are on the water " * 40] * 40)

    assert 1 < len(fake.requests)
    assert all(sum(map(len, each["input"])) < 3 * 16_000 for each in fake.requests)
    made.close()


def test_its_refusal_is_ours(fake: FakeTextEmbeddings) -> None:
    """A text that it does not take is told apart."""
    fake.replies = [failure(400, "Too many tokens in batch.")]
    made = connect(fake.url)

    with pytest.raises(RefusedTexts, match="Too many tokens"):
        made.embed_passages(["text"])
    made.close()


def test_the_key_is_asked_for() -> None:
    """Without a key Mistral's own address makes no sense."""
    with pytest.raises(ConfigurationError, match="RAGLINE_EMBEDDER_MISTRAL_API_KEY"):
        registry.embedder("mistral", Settings(_env_file=None))
