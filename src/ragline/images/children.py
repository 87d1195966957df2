"""What compute children run for images: decoding pictures, and models that compute here."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import NamedTuple

from ragline.compute.limits import Limits
from ragline.images import pictures
from ragline.language.detect import detect_language
from ragline.providers import registry, tasks
from ragline.providers.contracts import ImageCalibration, ImageEmbedder, Picture, Vectors
from ragline.settings import Settings


class Looked(NamedTuple):
    """What a look at a picture gives: the size of the upright picture, and a small JPEG."""

    width: int
    height: int
    thumbnail: bytes


class Embedded(NamedTuple):
    """Vectors of a product, None where they are not made here, and the language of its words."""

    picture: Vectors | None
    words: Vectors | None
    language: str | None


class Facts(NamedTuple):
    """What is known of an image embedder without having its weights here."""

    name: str
    provider: str | None
    dimensions: int
    calibration: ImageCalibration


def look(path: Path, media_type: str, most_pixels: int, side: int) -> Looked:
    """Decode a picture and return its size and thumbnail."""
    read = pictures.read(path, media_type, most_pixels=most_pixels)
    return Looked(read.width, read.height, pictures.thumbnail(read.picture, side=side))


def decode(source: Path | bytes, media_type: str, most_pixels: int) -> Picture:
    """Return a picture with its longer side cut down to what models are given."""
    return pictures.read(source, media_type, most_pixels=most_pixels).picture


def facts(settings: Settings) -> Facts:
    """Load the model and say what it is."""
    embedder = _embedder(settings)
    return Facts(embedder.name, embedder.provider, embedder.dimensions, embedder.calibration)


def embed_picture(
    settings: Settings, source: Path | bytes, media_type: str, most_pixels: int
) -> Vectors:
    """Return the vector of a picture, by a model that computes here."""
    picture = decode(source, media_type, most_pixels)
    vector: Vectors = _embedder(settings).embed_images([picture])[0]
    return vector


def embed_product(
    settings: Settings,
    source: Path | None,
    media_type: str,
    most_pixels: int,
    text: str,
    embeds_words: bool,
) -> Embedded:
    """Return what is asked for of a product: its picture's vector, its words', their language."""
    picture = words = None
    if source is not None:
        picture = embed_picture(settings, source, media_type, most_pixels)
    if embeds_words:
        words = tasks.embed_passages(settings, settings.own_embedder, [text])[0]
    return Embedded(picture, words, detect_language(text))


def embed_text(settings: Settings, text: str) -> Vectors:
    """Return the vector of a text in the space of pictures, by a model that computes here."""
    return _embedder(settings).embed_text(text)


def limits(settings: Settings) -> Limits:
    """Return what a call may take, the model included."""
    return Limits(
        wall_seconds=settings.parse_wall_seconds,
        cpu_seconds=settings.parse_cpu_seconds,
        memory_bytes=settings.clip_memory_mb * 1024**2,
        open_files=settings.parse_open_files,
        output_bytes=settings.parse_output_mb * 1024**2,
    )


def _embedder(settings: Settings) -> ImageEmbedder:
    return _loaded(_Key(settings))


class _Key:
    """Settings as a key: equal where what decides the model is."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        names = (
            "image_embedder",
            "image_cosines",
            "image_text_cosines",
            "clip_path",
            "clip_image_file",
            "clip_text_file",
            "clip_threads",
        )
        self._decides = tuple(getattr(settings, name) for name in names)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Key) and self._decides == other._decides

    def __hash__(self) -> int:
        return hash(self._decides)


@cache
def _loaded(key: _Key) -> ImageEmbedder:
    """Load a model once per process."""
    assert key.settings.image_embedder is not None, "asked where an embedder is set"
    return registry.image_embedder(key.settings.image_embedder, key.settings)
