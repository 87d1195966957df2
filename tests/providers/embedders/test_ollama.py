"""Ollama embeds in its own protocol, and fetches models that it lacks where it may."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from tests.fakes.ollama_server import Reply, failure
from tests.fakes.text_embeddings import DIMENSIONS, FakeOllamaEmbeddings

from ragline.errors import PermanentProviderError, RefusedTexts, TemporaryProviderError
from ragline.providers import registry
from ragline.providers.checked_embedder import CheckedEmbedder
from ragline.providers.contracts import Embedder
from ragline.settings import Settings
from ragline.testing.embedder import EmbedderConformance


def connect(url: str, spec: str = "ollama", **changes: Any) -> CheckedEmbedder:
    values: dict[str, Any] = {"ollama_base_url": url, "ollama_timeout_seconds": 5}
    found = registry.embedder(spec, Settings(_env_file=None, **(values | changes)))
    assert isinstance(found, CheckedEmbedder)
    return found


@pytest.fixture
def fake() -> Iterator[FakeOllamaEmbeddings]:
    with FakeOllamaEmbeddings().running() as server:
        assert isinstance(server, FakeOllamaEmbeddings)
        yield server


@pytest.fixture
def embedder(fake: FakeOllamaEmbeddings) -> Iterator[CheckedEmbedder]:
    made = connect(fake.url)
    yield made
    made.close()


class TestConformance(EmbedderConformance):
    """The adapter passes the suite."""

    @pytest.fixture
    def embedder(self, fake: FakeOllamaEmbeddings) -> Iterator[Embedder]:
        made = connect(fake.url)
        yield made
        made.close()


def test_a_request_in_its_own_words(fake: FakeOllamaEmbeddings, embedder: CheckedEmbedder) -> None:
    """Texts bear the model's prefixes, and Ollama is to cut what is too long."""
    embedder.embed_passages(["the tide"])

    assert {
        "model": "nomic-embed-text",
        "input": ["search_document: the tide"],
        "truncate": True,
        "keep_alive": "5m",
    } == fake.bodies("/api/embed")[0]


def test_a_tag_is_part_of_the_model(fake: FakeOllamaEmbeddings) -> None:
    """What stands behind the second colon is the model's own, and dimensions behind an @."""
    fake.models = ["bge-m3:567m"]
    made = connect(fake.url, "ollama:bge-m3:567m@24")

    assert (24,) == made.embed_query("tide").shape
    assert "ollama/bge-m3:567m@24" == made.name
    assert 24 == fake.bodies("/api/embed")[0]["dimensions"]
    made.close()


def test_usage_is_what_it_counts(embedder: CheckedEmbedder) -> None:
    """Tokens are those of the answer."""
    usage = embedder.call(["one", "two"]).usage

    assert (6, "nomic-embed-text", "ollama") == (usage.prompt_tokens, usage.model, usage.adapter)


def test_a_missing_model_is_told(fake: FakeOllamaEmbeddings) -> None:
    """Without leave to fetch it, a retry gives the same answer."""
    made = connect(fake.url, "ollama:mxbai-embed-large")

    with pytest.raises(PermanentProviderError, match="RAGLINE_OLLAMA_PULL"):
        made.embed_query("tide")
    made.close()


def test_a_missing_model_is_fetched(fake: FakeOllamaEmbeddings) -> None:
    """With leave it is fetched once, and the call made again."""
    made = connect(fake.url, "ollama:mxbai-embed-large", ollama_pull=True)
    made.embed_query("tide")
    made.embed_query("boat")

    assert 1 == len(fake.bodies("/api/pull"))
    made.close()


@pytest.mark.parametrize(
    "reply",
    [
        failure(500, "llama runner process has terminated"),
        Reply(b'{"error": "unexpected EOF"}'),
        Reply(b"nothing of this kind"),
        Reply(b'{"embeddings": []}'),
        Reply(b'{"embeddings": [[]]}'),
        Reply(b'{"embeddings": "none"}'),
        Reply(json.dumps({"embeddings": [[0.1] * DIMENSIONS] * 2}).encode()),
        Reply(json.dumps({"embeddings": [[0.0] * DIMENSIONS]}).encode()),
        Reply(json.dumps({"embeddings": [[float("nan")] * DIMENSIONS]}).encode()),
        Reply(json.dumps({"embeddings": [[0.1] * DIMENSIONS]}).encode(), sent=50),
    ],
    ids=[
        *("500", "reported", "text", "none", "empty", "no list", "two", "zeros", "NaN"),
        "truncated",
    ],
)
def test_what_may_pass_is_temporary(
    fake: FakeOllamaEmbeddings, embedder: CheckedEmbedder, reply: Reply
) -> None:
    """Failures and answers that are none are tried again, and never become a vector."""
    assert DIMENSIONS == embedder.dimensions
    fake.replies = [reply]

    with pytest.raises(TemporaryProviderError):
        embedder.embed_passages(["one text"])


def test_a_refused_text_is_told_apart(
    fake: FakeOllamaEmbeddings, embedder: CheckedEmbedder
) -> None:
    """A text that it refuses is not the service's fault."""
    fake.replies = [failure(400, "input length exceeds maximum context length")]

    with pytest.raises(RefusedTexts, match="context length"):
        embedder.embed_passages(["one text"])
