"""CLIP and SigLIP from any ONNX export, computed here; weights are named by the operator."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from tokenizers import Tokenizer

from ragline.errors import ConfigurationError
from ragline.providers.contracts import ImageCalibration, Picture, Vectors
from ragline.providers.image_embedders.clip_export import (
    CLIP_TOKENS,
    HOW_TO_GET_WEIGHTS,
    SIGLIP_TOKENS,
    Preparation,
    find_export,
)
from ragline.providers.image_embedders.clip_tower import Tower
from ragline.providers.image_embedders.lengths import of_length_one
from ragline.settings import Settings

IMAGE_OUTPUTS = ("image_embeds", "image_features", "pooler_output")
TEXT_OUTPUTS = ("text_embeds", "text_features", "pooler_output")
# Raised where pictures would be prepared in another way: their stored vectors no longer count.
PREPARATION_VERSION = 1
CLIP = ImageCalibration(images=(0.5, 1.0), texts=(0.16, 0.34))
SIGLIP = ImageCalibration(images=(0.5, 1.0), texts=(-0.02, 0.16))


class ClipEmbedder:
    """Embeds pictures one at a time and texts with the towers of one model; `ImageEmbedder`.

    Pictures are embedded alone, since in batches the last bits depend on the neighbours.
    """

    provider: str | None = None

    def __init__(self, settings: Settings) -> None:
        """Load towers and tokenizer from `clip_path`."""
        self._export = export = find_export(settings)
        threads = settings.clip_threads
        self._image = Tower(export.image, IMAGE_OUTPUTS, threads)
        is_one = export.image == export.text
        self._text = (
            self._image.sharing(TEXT_OUTPUTS)
            if is_one
            else Tower(export.text, TEXT_OUTPUTS, threads)
        )
        self._preparation = _fitted(export.preparation, self._image)
        self._tokenizer, self._pad = self._words()
        self.dimensions = self._same_dimensions()
        usual = SIGLIP if export.is_siglip else CLIP
        self.calibration = ImageCalibration(
            images=settings.image_cosines or usual.images,
            texts=settings.image_text_cosines or usual.texts,
        )

    @cached_property
    def name(self) -> str:
        """The hash of the export's files: any other file is another model."""
        return f"clip/{self._export.digest}/{PREPARATION_VERSION}"

    def embed_images(self, pictures: Sequence[Picture]) -> Vectors:
        """Return one row of length 1 for each picture."""
        rows = np.empty((len(pictures), self.dimensions), dtype=np.float32)
        for row, picture in zip(rows, pictures, strict=True):
            row[:] = self._image.run(pixels=prepared(picture, self._preparation))
        return of_length_one(rows)

    def embed_text(self, text: str) -> Vectors:
        """Return one vector of length 1; what is behind the model's longest text is cut."""
        ids = self._tokenizer.encode(text).ids
        mask = [1] * len(ids)
        if self._pad is not None:
            length, pad_id = self._pad
            mask += [0] * (length - len(ids))
            ids = ids + [pad_id] * (length - len(ids))
        row = self._text.run(ids=np.array([ids]), mask=np.array([mask]))
        vector: Vectors = of_length_one(row[np.newaxis])[0]
        return vector

    def close(self) -> None:
        """Hold on to the weights: the process that loaded them ends soon."""

    def _words(self) -> tuple[Any, tuple[int, int] | None]:
        """Return the tokenizer, and to what length and with which number texts are filled up."""
        export = self._export
        try:
            tokenizer = Tokenizer.from_file(str(export.tokenizer))
        except Exception as error:  # noqa: BLE001  # the library raises nothing more exact
            raise ConfigurationError(
                f"{export.tokenizer} cannot be read ({error}). {HOW_TO_GET_WEIGHTS}"
            ) from None
        fixed = self._text.tokens
        usual = SIGLIP_TOKENS if export.is_siglip else CLIP_TOKENS
        length = fixed or export.tokens or usual
        padding = tokenizer.padding or {}
        by_name = tokenizer.token_to_id(export.pad_token) if export.pad_token else None
        known = (padding.get("pad_id"), by_name, export.pad_id, 0)
        pad_id = next(each for each in known if each is not None)
        tokenizer.no_padding()
        tokenizer.enable_truncation(length)
        # SigLIP was trained on texts of one length, and reads the last place.
        pads = fixed is not None or export.is_siglip
        return tokenizer, (length, pad_id) if pads else None

    def _same_dimensions(self) -> int:
        """Return the dimensions that both towers give."""
        blank = np.zeros((self._preparation.height, self._preparation.width, 3), dtype=np.uint8)
        images = len(self._image.run(pixels=prepared(blank, self._preparation)))
        length = self._pad[0] if self._pad else 2
        ids = np.ones((1, length), dtype=np.int64)
        texts = len(self._text.run(ids=ids, mask=ids))
        if images != texts:
            raise ConfigurationError(
                f"The image tower gives {images} dimensions and the text tower {texts}: they are "
                "not of one model, or lack the projection that makes their vectors comparable. "
                f"{HOW_TO_GET_WEIGHTS}"
            )
        return images


def prepared(picture: Picture, how: Preparation) -> NDArray[np.float32]:
    """Return a picture as a model's input, of shape (1, 3, height, width)."""
    image = Image.fromarray(picture)
    box = None if how.shortest_edge is None else _middle(image.size, how)
    resized = image.resize((how.width, how.height), Image.Resampling(how.resample), box=box)
    values = np.asarray(resized, dtype=np.float32) * np.float32(how.scale)
    mean, std = (np.asarray(each, dtype=np.float32) for each in (how.mean, how.std))
    values = (values - mean) / std
    return np.ascontiguousarray(values.transpose(2, 0, 1)[np.newaxis], dtype=np.float32)


def _middle(size: tuple[int, int], how: Preparation) -> tuple[float, float, float, float]:
    """Return the part of a picture that the model sees.

    It is cut out before scaling: a picture a thousand times as long as wide would otherwise
    become a huge one first.
    """
    width, height = size
    assert how.shortest_edge is not None, "asked for models that cut the middle out"
    scale = how.shortest_edge / min(width, height)
    wide, high = min(how.width / scale, width), min(how.height / scale, height)
    left, top = (width - wide) / 2, (height - high) / 2
    return left, top, left + wide, top + high


def _fitted(how: Preparation, tower: Tower) -> Preparation:
    """Return a preparation with the sizes that only the model names."""
    height, width = tower.pixels
    height, width = height or how.height or 224, width or how.width or 224
    edge = how.shortest_edge
    return Preparation(
        height=height,
        width=width,
        shortest_edge=edge if edge is None or how.height else min(height, width),
        resample=how.resample,
        scale=how.scale,
        mean=how.mean,
        std=how.std,
    )
