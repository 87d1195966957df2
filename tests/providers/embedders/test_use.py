"""The built-in embedder gives the same unit vectors every time."""

from __future__ import annotations

import numpy as np
import pytest

from ragline.providers import registry
from ragline.providers.contracts import Embedder
from ragline.providers.embedders.use import UniversalSentenceEncoder
from ragline.settings import Settings
from ragline.testing.embedder import EmbedderConformance


def made() -> UniversalSentenceEncoder:
    return UniversalSentenceEncoder(Settings(_env_file=None))


TEXTS = ["A cat sat on the mat.", "Un chat est assis.", "", "The wing of an aircraft. " * 60]


class TestConformance(EmbedderConformance):
    """The adapter passes the suite."""

    @pytest.fixture
    def embedder(self) -> Embedder:
        return registry.embedder("use", Settings(_env_file=None))


def test_rows_are_of_length_one() -> None:
    """Each text has a row of length 1, the empty one included."""
    rows = made().embed_passages(TEXTS)

    assert rows.shape == (4, UniversalSentenceEncoder.dimensions)
    assert rows.dtype == np.float32
    assert np.allclose(1.0, np.linalg.norm(rows, axis=1), atol=1e-5)


def test_no_texts_give_no_rows() -> None:
    """An empty list is answered by an empty array of the right shape."""
    assert made().embed_passages([]).shape == (0, 512)


def test_a_vector_does_not_depend_on_its_batch() -> None:
    """The same text gives the same bytes, alone or in any company."""
    embedder = made()

    together = embedder.embed_passages(TEXTS)
    turned = embedder.embed_passages(TEXTS[::-1])[::-1]
    alone = np.stack([embedder.embed_query(text) for text in TEXTS])

    assert together.tobytes() == turned.tobytes() == alone.tobytes()


def test_translations_are_near() -> None:
    """A sentence is nearer to its translation than to another sentence."""
    cat, chat, other = made().embed_passages(
        ["The cat is sleeping.", "Le chat dort.", "The engine lost power at take-off."]
    )

    assert cat @ chat > 0.5 > cat @ other


def test_the_name_tells_the_version() -> None:
    """Stored vectors are kept apart by the version that made them."""
    assert made().name.startswith("use-multilingual-3/0.2")


def test_a_huge_text_is_cut() -> None:
    """A text of megabytes takes no longer than a long one."""
    embedder = made()

    assert np.array_equal(
        embedder.embed_query("word " * 1_000_000), embedder.embed_query("word " * 1_600)
    )
