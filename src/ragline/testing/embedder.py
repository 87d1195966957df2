"""What every embedder must do: inherit `EmbedderConformance` and give it one.

class TestMyEmbedder(EmbedderConformance):
    @pytest.fixture
    def embedder(self):
        return CheckedEmbedder(MyEmbedder(Settings(), "model"))

An embedder is given as searches get it, checked: `ragline.providers.registry.embedder` returns one
for whatever is installed.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import cast

import numpy as np

from ragline.providers.contracts import Embedder, RemoteEmbedder

LONGEST_NAME = 100
QUESTION = "How long does the warranty of the kettle last?"
NEAR = "The warranty of the kettle lasts two years and covers all parts."
FAR = "The orchestra plays the third symphony on a rainy evening in spring."
ODD = ("?", "  ", "word " * 3000, "\u202e\U0001f600", "a\0b", "Zw\u00f6lf Boxk\u00e4mpfer")


class EmbedderConformance:
    """Tests of the contract `Embedder`; the fixture `embedder` may be any model."""

    def test_it_says_what_it_is(self, embedder: Embedder) -> None:
        """It has a name that fits where it is kept, dimensions, and a provider with a name."""
        assert 1 <= len(embedder.name) <= LONGEST_NAME
        assert embedder.provider is None or embedder.provider
        assert embedder.dimensions >= 1

    def test_its_calibration_makes_sense(self, embedder: Embedder) -> None:
        """The ends of its cosines are in order, and its weights are shares."""
        found = embedder.calibration

        assert -1 <= found.floor < found.ceiling <= 1
        assert 0 <= found.lexical_weight <= 1
        assert 0 <= found.cross_language_weight <= 1

    def test_vectors_have_length_one(self, embedder: Embedder) -> None:
        """There is a row of 32-bit floats for each passage, and one for a question."""
        rows = embedder.embed_passages([NEAR, FAR])
        question = embedder.embed_query(QUESTION)

        assert (2, embedder.dimensions) == rows.shape
        assert (embedder.dimensions,) == question.shape
        assert np.float32 == rows.dtype == question.dtype
        assert np.allclose(1, np.linalg.norm(rows, axis=1), atol=1e-3)
        assert abs(1 - float(np.linalg.norm(question))) < 1e-3

    def test_what_is_near_is_nearer(self, embedder: Embedder) -> None:
        """A passage that answers the question is nearer to it than one that has nothing of it."""
        near, far = embedder.embed_passages([NEAR, FAR]) @ embedder.embed_query(QUESTION)

        assert near > far

    def test_no_texts_no_rows(self, embedder: Embedder) -> None:
        """Nothing to embed gives nothing."""
        assert (0, embedder.dimensions) == embedder.embed_passages([]).shape

    def test_the_same_text_gives_the_same_vector(self, embedder: Embedder) -> None:
        """Whatever is embedded beside it, and however often."""
        [alone] = embedder.embed_passages([NEAR])
        _, beside, again = embedder.embed_passages([FAR, NEAR, NEAR])

        assert np.allclose(alone, beside, atol=1e-5)
        assert np.allclose(alone, again, atol=1e-5)

    def test_odd_texts_are_taken(self, embedder: Embedder) -> None:
        """Texts that are long, empty or of signs only have a vector too."""
        rows = embedder.embed_passages(ODD)

        assert (len(ODD), embedder.dimensions) == rows.shape
        assert np.isfinite(rows).all()
        assert (embedder.dimensions,) == embedder.embed_query(ODD[1]).shape

    def test_threads_may_share_it(self, embedder: Embedder) -> None:
        """Several threads ask at once and get what one alone gets."""
        alone = [embedder.embed_query(text) for text in (QUESTION, FAR)]
        with ThreadPoolExecutor(4) as threads:
            found = list(threads.map(embedder.embed_query, (QUESTION, FAR) * 4))

        for number, vector in enumerate(found):
            assert np.allclose(alone[number % 2], vector, atol=1e-5)

    def test_calls_hold_every_text_once(self, embedder: Embedder) -> None:
        """What asks a service divides texts into calls, in order and without a gap."""
        if embedder.provider is None:
            return
        remote = cast(RemoteEmbedder, embedder)
        texts = [f"{NEAR} {number}" for number in range(70)]
        groups = remote.in_calls(texts)

        assert texts == [text for group in groups for text in texts[group]]
        assert all(texts[group] for group in groups)
        made = remote.call(texts[groups[0]])
        assert len(texts[groups[0]]) == len(made.vectors)
        assert made.usage.model
        assert made.usage.prompt_tokens >= 0

    def test_closing_twice_is_allowed(self, embedder: Embedder) -> None:
        """A second close does nothing."""
        embedder.close()
        embedder.close()
