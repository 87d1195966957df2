"""Servers of embeddings are asked in their own form, and their failures become ours."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from tests.fakes.embeddings_server import DIMENSIONS, FakeEmbeddings, vectors
from tests.fakes.openai_server import Reply, failure

from ragline.errors import ConfigurationError, PermanentProviderError, TemporaryProviderError
from ragline.providers import registry
from ragline.providers.contracts import ImageEmbedder
from ragline.providers.image_embedders.openai import OpenAIImageEmbedder
from ragline.settings import Settings
from ragline.testing.image_embedder import ImageEmbedderConformance, gradient

KEY = "sk-images-1234567890"


def connect(url: str, **changes: Any) -> OpenAIImageEmbedder:
    values: dict[str, Any] = {
        "image_embedder": "openai",
        "image_openai_base_url": url,
        "image_openai_api_key": KEY,
        "image_openai_model": "clip",
        "image_openai_dimensions": DIMENSIONS,
        "image_openai_timeout_seconds": 5,
    }
    found = registry.image_embedder("openai", Settings(_env_file=None, **(values | changes)))
    assert isinstance(found, OpenAIImageEmbedder)
    return found


@pytest.fixture
def fake() -> Iterator[FakeEmbeddings]:
    with FakeEmbeddings().running() as server:
        assert isinstance(server, FakeEmbeddings)
        yield server


@pytest.fixture
def embedder(fake: FakeEmbeddings) -> Iterator[OpenAIImageEmbedder]:
    made = connect(fake.url)
    yield made
    made.close()


@pytest.mark.parametrize("form", ["vllm", "infinity", "jina"])
class TestConformance(ImageEmbedderConformance):
    """The adapter passes the suite in each form."""

    @pytest.fixture
    def embedder(self, form: str) -> Iterator[ImageEmbedder]:
        with FakeEmbeddings(form).running() as server:
            made = connect(server.url, image_openai_form=form)
            yield made
            made.close()


def test_a_picture_goes_out_as_a_data_url(
    fake: FakeEmbeddings, embedder: OpenAIImageEmbedder
) -> None:
    """The request holds the model, the picture and the key, and nothing else."""
    embedder.embed_images([gradient()])

    [request] = fake.requests
    assert {"model", "encoding_format", "messages"} == set(request)
    assert ("clip", "float") == (request["model"], request["encoding_format"])
    assert f"Bearer {KEY}" == fake.headers[0]["authorization"]


def test_a_server_of_another_form_is_told_apart(fake: FakeEmbeddings) -> None:
    """What the server does not understand names the setting to change."""
    other = connect(fake.url, image_openai_form="jina")

    with pytest.raises(PermanentProviderError, match="RAGLINE_IMAGE_OPENAI_FORM"):
        other.embed_images([gradient()])
    other.close()


def test_too_many_requests_keep_the_wait(
    fake: FakeEmbeddings, embedder: OpenAIImageEmbedder
) -> None:
    """A limit of the server is temporary, with the seconds it asks for."""
    fake.replies = [failure(429, retry_after="7")]

    with pytest.raises(TemporaryProviderError) as raised:
        embedder.embed_text("red")

    assert 7 == raised.value.retry_after


@pytest.mark.parametrize(
    "reply",
    [
        failure(500),
        failure(503),
        Reply(b"<html>not json</html>"),
        Reply(b'{"data": []}'),
        Reply(b'{"data": [{"embedding": "text"}]}'),
        Reply(b'{"data": [{}, {}]}'),
        Reply(b"[" * 100_000),
        vectors([0.1] * DIMENSIONS, sent=40),
        vectors([0.1] * DIMENSIONS, sent=0),
    ],
    ids=["500", "503", "html", "none", "text", "two", "nested", "truncated", "nothing"],
)
def test_what_may_pass_is_temporary(
    fake: FakeEmbeddings, embedder: OpenAIImageEmbedder, reply: Reply
) -> None:
    """Failures of the server and answers that are none are tried again."""
    fake.replies = [reply]

    with pytest.raises(TemporaryProviderError):
        embedder.embed_images([gradient()])


@pytest.mark.parametrize("reply", [failure(401), failure(403), failure(404), failure(413)])
def test_what_stays_is_permanent(
    fake: FakeEmbeddings, embedder: OpenAIImageEmbedder, reply: Reply
) -> None:
    """A wrong key, model or address is not tried again."""
    fake.replies = [reply]

    with pytest.raises(PermanentProviderError):
        embedder.embed_text("red")


@pytest.mark.parametrize(
    "row", [[0.0] * DIMENSIONS, [0.1] * (DIMENSIONS + 1), [float("nan")] * DIMENSIONS]
)
def test_wrong_vectors_are_never_kept(
    fake: FakeEmbeddings, embedder: OpenAIImageEmbedder, row: list[float]
) -> None:
    """Zeros, other dimensions and what is no number are errors."""
    fake.replies = [vectors(row)]

    with pytest.raises(PermanentProviderError):
        embedder.embed_images([gradient()])


@pytest.mark.parametrize(
    "slow",
    [
        {"delay": 30.0},
        {"pause": 0.05},
        {"pause": 0.05, "drips_headers": True},
    ],
    ids=["silent", "drips", "drips headers"],
)
def test_a_slow_server_is_left_in_time(fake: FakeEmbeddings, slow: dict[str, Any]) -> None:
    """The whole exchange has its seconds, whether the server is silent or drips."""
    impatient = connect(fake.url, image_openai_timeout_seconds=0.5)
    fake.replies = [vectors([0.1] * DIMENSIONS, **slow)]

    with pytest.raises(TemporaryProviderError, match="RAGLINE_IMAGE_OPENAI_TIMEOUT_SECONDS"):
        impatient.embed_images([gradient()])
    impatient.close()


def test_the_key_is_never_told(fake: FakeEmbeddings, embedder: OpenAIImageEmbedder) -> None:
    """Not even where the server repeats it."""
    fake.replies = [failure(400, f"Bad key {KEY}"), failure(401, f"Bad key {KEY}")]

    for _ in range(2):
        with pytest.raises(PermanentProviderError) as raised:
            embedder.embed_text("red")
        assert KEY not in str(raised.value)
        assert raised.value.__context__ is None


def test_missing_settings_are_named() -> None:
    """Without an address, a model or dimensions it cannot start."""
    with pytest.raises(ConfigurationError, match="RAGLINE_IMAGE_OPENAI_DIMENSIONS"):
        OpenAIImageEmbedder(Settings(_env_file=None))


def test_pictures_are_near_to_their_colours(embedder: OpenAIImageEmbedder) -> None:
    """What the server gives comes back in the order of the pictures."""
    red, blue = (np.full((8, 8, 3), rgb, dtype=np.uint8) for rgb in ((220, 0, 0), (0, 0, 220)))

    cosines = embedder.embed_images([red, blue]) @ embedder.embed_text("blue")

    assert cosines[1] > cosines[0]
