"""MiniLM embeds English offline."""

from __future__ import annotations

import numpy as np
import pytest

from ragline.errors import ConfigurationError
from ragline.providers import registry
from ragline.providers.contracts import Embedder
from ragline.settings import Settings
from ragline.testing.embedder import EmbedderConformance


@pytest.fixture(scope="module")
def embedder() -> Embedder:
    return registry.embedder("minilm", Settings(_env_file=None))


class TestConformance(EmbedderConformance):
    """The adapter passes the suite."""


def test_a_vector_does_not_depend_on_its_batch(embedder: Embedder) -> None:
    """The same text gives the same bytes, alone or in any company."""
    texts = ["A cat sat on the mat.", "", "The wing of an aircraft. " * 60]
    together = embedder.embed_passages(texts)

    assert together.tobytes() == np.stack([embedder.embed_query(each) for each in texts]).tobytes()


def test_what_is_behind_its_longest_text_is_cut(embedder: Embedder) -> None:
    """Words beyond 256 tokens change nothing."""
    text = "word " * 300

    assert np.array_equal(embedder.embed_query(text), embedder.embed_query(f"{text} kettle"))


def test_it_tells_meanings_apart(embedder: Embedder) -> None:
    """Another wording is nearer than another meaning with the same words."""
    question = embedder.embed_query("How can a loan be paid back early?")
    near, far = embedder.embed_passages(
        ["Borrowers may settle their debt before it falls due.", "The early bird loaned its song."]
    )

    assert question @ near > question @ far


def test_it_has_one_model() -> None:
    """Another cannot be named."""
    with pytest.raises(ConfigurationError, match="one model"):
        registry.embedder("minilm:large", Settings(_env_file=None))
