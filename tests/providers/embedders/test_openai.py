"""Servers of embeddings are asked in OpenAI's form, and their failures become ours."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from tests.fakes.openai_server import Reply, failure
from tests.fakes.text_embeddings import (
    DIMENSIONS,
    POISON,
    FakeTextEmbeddings,
    embeddings,
    vector_of,
)

from ragline.errors import (
    ConfigurationError,
    PermanentProviderError,
    RefusedTexts,
    TemporaryProviderError,
)
from ragline.providers import registry
from ragline.providers.checked_embedder import CheckedEmbedder
from ragline.providers.contracts import Embedder
from ragline.settings import Settings
from ragline.testing.embedder import EmbedderConformance

KEY = "sk-embeddings-1234567890"
TEXTS = ["the tide turns", "a red kettle", "three old boats"]


def endpoint(url: str, **changes: Any) -> CheckedEmbedder:
    """Return the embedder of a named server."""
    described = {"base_url": url, "model": "fake-embedder", "api_key": KEY, "timeout_seconds": 5}
    settings = Settings(_env_file=None, embedder_endpoints={"fake": described | changes})
    found = registry.embedder("fake", settings)
    assert isinstance(found, CheckedEmbedder)
    return found


def openai(url: str, spec: str = "openai", **changes: Any) -> CheckedEmbedder:
    """Return OpenAI's own embedder, at another place."""
    values: dict[str, Any] = {"openai_base_url": url, "openai_api_key": KEY}
    found = registry.embedder(spec, Settings(_env_file=None, **(values | changes)))
    assert isinstance(found, CheckedEmbedder)
    return found


@pytest.fixture
def fake() -> Iterator[FakeTextEmbeddings]:
    with FakeTextEmbeddings().running() as server:
        assert isinstance(server, FakeTextEmbeddings)
        yield server


@pytest.fixture
def embedder(fake: FakeTextEmbeddings) -> Iterator[CheckedEmbedder]:
    made = endpoint(fake.url, dimensions=DIMENSIONS)
    yield made
    made.close()


@pytest.mark.parametrize("base64_known", [True, False], ids=["base64", "floats"])
class TestConformance(EmbedderConformance):
    """The adapter passes the suite with both forms of numbers."""

    @pytest.fixture
    def embedder(self, base64_known: bool) -> Iterator[Embedder]:
        with FakeTextEmbeddings(base64_known=base64_known).running() as server:
            made = endpoint(server.url)
            yield made
            made.close()


def test_a_request_holds_model_texts_and_key(fake: FakeTextEmbeddings) -> None:
    """And the form of numbers, but no dimensions that nobody wished for."""
    made = endpoint(fake.url, dimensions=DIMENSIONS)
    made.embed_passages(TEXTS)

    [request] = fake.requests
    assert {"model": "fake-embedder", "input": TEXTS, "encoding_format": "base64"} == request
    assert f"Bearer {KEY}" == fake.headers[0]["authorization"]
    made.close()


def test_rows_are_put_in_the_order_of_texts(
    fake: FakeTextEmbeddings, embedder: CheckedEmbedder
) -> None:
    """The server answers the last text first; each row is its own text's, of length 1."""
    rows = embedder.embed_passages(TEXTS)

    expected = np.array([vector_of(text) for text in TEXTS])
    expected /= np.linalg.norm(expected, axis=1, keepdims=True)
    assert np.allclose(expected, rows, atol=1e-6)


def test_dimensions_are_wished_for_behind_an_at(fake: FakeTextEmbeddings) -> None:
    """A model that can be cut is asked for so many dimensions, and its name says so."""
    made = openai(fake.url, "openai:text-embedding-3-large@24")

    assert (2, 24) == made.embed_passages(TEXTS[:2]).shape
    assert 24 == fake.requests[0]["dimensions"]
    assert "openai/text-embedding-3-large@24" == made.name
    made.close()


def test_known_models_are_not_asked_for_their_dimensions(fake: FakeTextEmbeddings) -> None:
    """What is published needs no call, so that a server starts without the service."""
    made = openai(fake.url)

    assert (1536, "openai/text-embedding-3-small") == (made.dimensions, made.name)
    assert [] == fake.requests
    made.close()


def test_unknown_dimensions_are_asked_for_once(fake: FakeTextEmbeddings) -> None:
    """The first answer tells them."""
    made = endpoint(fake.url)

    assert [DIMENSIONS, DIMENSIONS] == [made.dimensions, made.dimensions]
    assert 1 == len(fake.requests)
    made.close()


def test_dimensions_told_do_not_change_the_name(fake: FakeTextEmbeddings) -> None:
    """To tell them later must not make every stored vector another model's."""
    told, untold = endpoint(fake.url, dimensions=DIMENSIONS), endpoint(fake.url)

    assert "fake/fake-embedder" == told.name == untold.name
    told.close()
    untold.close()


def test_calls_keep_to_the_count(fake: FakeTextEmbeddings) -> None:
    """No call holds more texts than the server takes."""
    made = endpoint(fake.url, dimensions=DIMENSIONS, texts_per_call=4)
    made.embed_passages([f"text {number}" for number in range(10)])

    assert [4, 4, 2] == [len(request["input"]) for request in fake.requests]
    made.close()


def test_calls_keep_to_the_tokens(fake: FakeTextEmbeddings) -> None:
    """No call holds more tokens than the server takes, by a careful guess."""
    made = endpoint(fake.url, dimensions=DIMENSIONS, tokens_per_call=100)
    made.embed_passages(["word " * 30] * 5)

    assert all(sum(map(len, request["input"])) <= 300 for request in fake.requests)
    assert 5 == sum(len(request["input"]) for request in fake.requests)
    made.close()


def test_a_long_text_is_cut(fake: FakeTextEmbeddings) -> None:
    """What the model does not take is not sent, and no sign is cut in two."""
    made = endpoint(fake.url, dimensions=DIMENSIONS, tokens_per_text=100)
    made.embed_query("日本語" * 1000)

    [[sent]] = [request["input"] for request in fake.requests]
    assert "日本語" * 33 + "日" == sent
    made.close()


def test_prefixes_of_known_models(fake: FakeTextEmbeddings) -> None:
    """What a model was trained with is put before questions and passages."""
    made = endpoint(fake.url, dimensions=DIMENSIONS, model="intfloat/multilingual-e5-small")
    made.embed_query("tide")
    made.embed_passages(["tide"])

    assert ["query: tide", "passage: tide"] == fake.texts
    made.close()


def test_prefixes_of_the_settings(fake: FakeTextEmbeddings) -> None:
    """Settings say it for other models; then the name of the model is another."""
    plain = endpoint(fake.url, dimensions=DIMENSIONS)
    made = endpoint(fake.url, dimensions=DIMENSIONS, query_prefix="find: ", passage_prefix="")
    made.embed_query("tide")
    made.embed_passages(["tide"])

    assert ["find: tide", "tide"] == fake.texts
    assert plain.name != made.name
    made.close()
    plain.close()


def test_base64_is_given_up_for_good(fake: FakeTextEmbeddings) -> None:
    """A server that does not know it is asked for it once."""
    fake.base64_known = False
    made = endpoint(fake.url, dimensions=DIMENSIONS)
    for _ in range(2):
        made.embed_query("tide")

    assert [True, False, False] == ["encoding_format" in each for each in fake.requests]
    made.close()


def test_usage_is_what_the_server_counts(embedder: CheckedEmbedder) -> None:
    """Tokens and the model's name are those of the answer."""
    usage = embedder.call(TEXTS).usage

    assert (9, "fake-embedder", "openai") == (usage.prompt_tokens, usage.model, usage.adapter)


def test_too_many_requests_keep_the_wait(
    fake: FakeTextEmbeddings, embedder: CheckedEmbedder
) -> None:
    """A limit of the server is temporary, with the seconds it asks for."""
    fake.replies = [failure(429, retry_after="7")]

    with pytest.raises(TemporaryProviderError) as raised:
        embedder.embed_passages(TEXTS)

    assert 7 == raised.value.retry_after


ROW = [0.1] * DIMENSIONS


@pytest.mark.parametrize(
    "reply",
    [
        failure(500),
        failure(503),
        Reply(b"<html>not json</html>"),
        Reply(b'{"data": []}'),
        Reply(b'{"data": [{"index": 0, "embedding": "no base64"}]}'),
        Reply(b'{"data": [{"index": 0, "embedding": "AAAA"}]}'),
        Reply(b'{"data": [{"index": 0, "embedding": []}]}'),
        embeddings([[1e300] * DIMENSIONS]),
        Reply(b"[" * 100_000),
        Reply(b'{"error": {"message": "overloaded"}}'),
        embeddings([ROW, ROW]),
        embeddings([ROW], indexes=[1]),
        embeddings([ROW, ROW], indexes=[0, 0]),
        embeddings([ROW], sent=40),
        embeddings([ROW], sent=0),
        embeddings([[float("nan")] * DIMENSIONS]),
        embeddings([[float("inf")] + [0.0] * (DIMENSIONS - 1)]),
        embeddings([[0.0] * DIMENSIONS]),
    ],
    ids=[
        *("500", "503", "html", "none", "no base64", "odd bytes", "empty", "too great", "nested"),
        *("reported", "two", "other index", "twice", "truncated", "nothing", "NaN", "inf", "zeros"),
    ],
)
def test_what_may_pass_is_temporary(
    fake: FakeTextEmbeddings, embedder: CheckedEmbedder, reply: Reply
) -> None:
    """Failures and answers that are none are tried again, and never become a vector."""
    fake.replies = [reply]

    with pytest.raises(TemporaryProviderError):
        embedder.embed_passages(["one text"])


@pytest.mark.parametrize("reply", [failure(401), failure(403), failure(404)])
def test_what_stays_is_permanent(
    fake: FakeTextEmbeddings, embedder: CheckedEmbedder, reply: Reply
) -> None:
    """A wrong key, model or address is not tried again, and no text is to blame."""
    fake.replies = [reply]

    with pytest.raises(PermanentProviderError) as raised:
        embedder.embed_query("red")

    assert not isinstance(raised.value, RefusedTexts)


@pytest.mark.parametrize("status", [400, 413, 422])
def test_refused_texts_are_told_apart(
    fake: FakeTextEmbeddings, embedder: CheckedEmbedder, status: int
) -> None:
    """What may be one text's fault says so, with the server's words."""
    fake.replies = [failure(status, "too long")]

    with pytest.raises(RefusedTexts, match="too long"):
        embedder.embed_passages([POISON])


def test_other_dimensions_are_refused(fake: FakeTextEmbeddings) -> None:
    """Vectors of another length fit no index, now or later."""
    made = endpoint(fake.url, dimensions=DIMENSIONS + 1)

    with pytest.raises(PermanentProviderError, match="dimensions"):
        made.embed_passages(TEXTS)
    made.close()


@pytest.mark.parametrize(
    "slow",
    [{"delay": 30.0}, {"pause": 0.05}, {"pause": 0.05, "drips_headers": True}],
    ids=["silent", "drips", "drips headers"],
)
def test_a_slow_server_is_left_in_time(fake: FakeTextEmbeddings, slow: dict[str, Any]) -> None:
    """The whole exchange has its seconds, whether the server is silent or drips."""
    impatient = endpoint(fake.url, dimensions=DIMENSIONS, timeout_seconds=0.5)
    fake.replies = [embeddings([ROW], **slow)]

    with pytest.raises(TemporaryProviderError, match=r"timeout_seconds\)"):
        impatient.embed_query("red")
    impatient.close()


def test_the_key_is_never_told(fake: FakeTextEmbeddings, embedder: CheckedEmbedder) -> None:
    """Not even where the server repeats it."""
    fake.replies = [failure(400, f"Bad key {KEY}"), failure(401, f"Bad key {KEY}")]

    for _ in range(2):
        with pytest.raises(PermanentProviderError) as raised:
            embedder.embed_query("red")
        assert KEY not in str(raised.value)
        assert raised.value.__context__ is None


@pytest.mark.parametrize("spec", ["fake:model", "Fake", "openai"])
def test_a_server_needs_a_name_of_its_own(fake: FakeTextEmbeddings, spec: str) -> None:
    """Neither an adapter's, nor one with a colon, nor one that is no name."""
    described = {"base_url": fake.url, "model": "m"}
    names = {"fake": described, "Fake": described, "openai": described}
    settings = Settings(_env_file=None, embedder_endpoints=names)

    with pytest.raises(ConfigurationError, match="RAGLINE_EMBEDDER_ENDPOINTS"):
        registry.embedder(spec, settings)
