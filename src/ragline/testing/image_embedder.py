"""What every image embedder must do: inherit `ImageEmbedderConformance` and give it one.

class TestMyEmbedder(ImageEmbedderConformance):
    @pytest.fixture
    def embedder(self):
        return MyEmbedder(...)
"""

from __future__ import annotations

import numpy as np

from ragline.providers.contracts import ImageEmbedder, Picture

LONGEST_SIDE = 1024


def gradient(*, height: int = 48, width: int = 64, shift: int = 0) -> Picture:
    """Return a picture whose colours change over its sides."""
    rows, columns = np.mgrid[0:height, 0:width]
    channels = (rows * 5 + shift, columns * 3 + 2 * shift, rows + columns + shift)
    picture: Picture = np.stack(channels, axis=2).astype(np.uint8)
    return picture


class ImageEmbedderConformance:
    """Tests of the contract `ImageEmbedder`; the fixture `embedder` may be any model."""

    def test_it_says_what_it_is(self, embedder: ImageEmbedder) -> None:
        """It has a name, dimensions, and ends of its cosines in order."""
        assert embedder.name
        assert embedder.provider is None or embedder.provider
        assert embedder.dimensions >= 1
        for lowest, highest in (embedder.calibration.images, embedder.calibration.texts):
            assert -1 <= lowest < highest <= 1

    def test_vectors_have_length_one(self, embedder: ImageEmbedder) -> None:
        """There is a row of 32-bit floats for each picture, and one for a text."""
        rows = embedder.embed_images([gradient(), gradient(shift=90)])
        text = embedder.embed_text("a red shirt")

        assert (2, embedder.dimensions) == rows.shape
        assert (embedder.dimensions,) == text.shape
        assert np.float32 == rows.dtype == text.dtype
        assert np.allclose(1, np.linalg.norm(rows, axis=1), atol=1e-3)
        assert abs(1 - float(np.linalg.norm(text))) < 1e-3

    def test_no_pictures_no_rows(self, embedder: ImageEmbedder) -> None:
        """Nothing to embed gives nothing."""
        assert (0, embedder.dimensions) == embedder.embed_images([]).shape

    def test_the_same_picture_gives_the_same_vector(self, embedder: ImageEmbedder) -> None:
        """Whatever is embedded beside it."""
        [alone] = embedder.embed_images([gradient()])
        _, beside = embedder.embed_images([gradient(shift=50), gradient()])

        assert np.allclose(alone, beside, atol=1e-5)

    def test_odd_shapes_are_taken(self, embedder: ImageEmbedder) -> None:
        """A single pixel, a line and the largest picture are embedded like any other."""
        pictures = [
            gradient(height=1, width=1),
            gradient(height=1, width=LONGEST_SIDE),
            gradient(height=LONGEST_SIDE, width=LONGEST_SIDE),
        ]

        assert (3, embedder.dimensions) == embedder.embed_images(pictures).shape

    def test_odd_texts_are_taken(self, embedder: ImageEmbedder) -> None:
        """Texts that are long, or of signs only, give a vector too."""
        for text in ("?", "robe d'été à fleurs", "red " * 2000, "\u202e\U0001f600"):
            assert (embedder.dimensions,) == embedder.embed_text(text).shape

    def test_closing_twice_is_allowed(self, embedder: ImageEmbedder) -> None:
        """A second close does nothing."""
        embedder.close()
        embedder.close()
