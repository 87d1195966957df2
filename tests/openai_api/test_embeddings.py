"""Embeddings through the official client."""

from __future__ import annotations

import base64

import numpy as np
import openai
import pytest
from tests.inprocess import InProcessServer, Tenant


def test_default_encoding(client: openai.OpenAI, server: InProcessServer) -> None:
    """The client asks for base64 and gets the numbers that searches use."""
    answer = client.embeddings.create(model="use", input="the tide turns")
    expected = server.runtime.embedder.embed_query("the tide turns")

    np.testing.assert_array_equal(expected, np.array(answer.data[0].embedding, dtype=np.float32))
    assert (server.runtime.embedder.name, 3) == (answer.model, answer.usage.total_tokens)


def test_several_texts(client: openai.OpenAI, server: InProcessServer) -> None:
    """Each text has its vector, in order, whether it was embedded alone or with others."""
    texts = [f"text number {number}" for number in range(server.runtime.settings.embed_batch + 3)]
    answer = client.embeddings.create(model="use", input=texts, encoding_format="float")

    assert list(range(len(texts))) == [each.index for each in answer.data]
    expected = server.runtime.embedder.embed_passages(texts)
    np.testing.assert_allclose(expected, [each.embedding for each in answer.data], atol=1e-6)


def test_base64_is_32_bit_floats(tenant: Tenant) -> None:
    """The text is base64 of little-endian floats of 32 bits."""
    body = {"model": "use", "input": "the tide", "encoding_format": "base64"}
    text = tenant.http.post("/v1/embeddings", json=body).json()["data"][0]["embedding"]
    vector = np.frombuffer(base64.b64decode(text), dtype="<f4")

    assert 512 == len(vector)
    assert pytest.approx(1.0, abs=1e-5) == float(np.linalg.norm(vector))


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"input": [1, 2, 3]}, "input"),
        ({"input": [[1, 2], [3]]}, "input"),
        ({"input": []}, "input"),
        ({"input": ""}, "input.0"),
        ({"input": "text", "dimensions": 256}, "dimensions"),
        ({"input": "text", "encoding_format": "hex"}, "encoding_format"),
        ({"input": "text", "colour": "red"}, "colour"),
    ],
)
def test_what_cannot_be_is_named(tenant: Tenant, body: dict[str, object], param: str) -> None:
    """A parameter that cannot be honoured is refused by its name."""
    answer = tenant.http.post("/v1/embeddings", json={"model": "use", **body})

    assert (400, param) == (answer.status_code, answer.json()["error"]["param"])


def test_own_dimensions_may_be_asked_for(client: openai.OpenAI) -> None:
    """Asking for as many dimensions as there are is fine."""
    answer = client.embeddings.create(model="use", input="text", dimensions=512)

    assert 512 == len(answer.data[0].embedding)


def test_unknown_model(client: openai.OpenAI) -> None:
    """Another model than the embedder is not found: its vectors would fit nothing here."""
    with pytest.raises(openai.NotFoundError) as caught:
        client.embeddings.create(model="text-embedding-3-small", input="text")

    assert "model_not_found" == caught.value.code
