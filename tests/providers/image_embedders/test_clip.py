"""CLIP exports of every layout are found, prepared for and run as they ask."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from tests import tiny_clip

from ragline.errors import ConfigurationError, PermanentProviderError
from ragline.providers import registry
from ragline.providers.contracts import ImageEmbedder, Picture
from ragline.providers.image_embedders.clip import ClipEmbedder, prepared
from ragline.providers.image_embedders.clip_export import Preparation
from ragline.providers.image_embedders.lengths import of_length_one
from ragline.settings import Settings
from ragline.testing.image_embedder import ImageEmbedderConformance


def settings(folder: Path, **changes: object) -> Settings:
    return Settings(_env_file=None, image_embedder="clip", clip_path=folder, **changes)


def plain(colour: str, *, height: int = 40, width: int = 60) -> Picture:
    picture = np.empty((height, width, 3), dtype=np.uint8)
    picture[:] = tiny_clip.COLOURS[colour]
    return picture


@pytest.fixture(scope="module")
def export(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_clip.write(tmp_path_factory.mktemp("clip"))


class TestConformance(ImageEmbedderConformance):
    """An export with two towers passes the suite for all image embedders."""

    @pytest.fixture
    def embedder(self, export: Path) -> ImageEmbedder:
        return registry.image_embedder("clip", settings(export))


class TestCombinedConformance(ImageEmbedderConformance):
    """So does one with both towers in one file."""

    @pytest.fixture
    def embedder(self, tmp_path: Path) -> ImageEmbedder:
        return ClipEmbedder(settings(tiny_clip.write(tmp_path, combined=True)))


class TestSiglipConformance(ImageEmbedderConformance):
    """So does one of SigLIP, whose texts are filled up to one length."""

    @pytest.fixture
    def embedder(self, tmp_path: Path) -> ImageEmbedder:
        return ClipEmbedder(settings(tiny_clip.write(tmp_path, siglip=True)))


def test_words_are_near_to_what_they_name(export: Path) -> None:
    """Both towers give vectors of one space."""
    embedder = ClipEmbedder(settings(export))

    pictures = embedder.embed_images([plain("red"), plain("blue"), plain("green")])
    cosines = pictures @ embedder.embed_text("a blue shirt")

    assert 1 == int(np.argmax(cosines))


def test_one_file_gives_what_two_give(export: Path, tmp_path: Path) -> None:
    """How an export is cut into files does not change its vectors."""
    two = ClipEmbedder(settings(export))
    one = ClipEmbedder(settings(tiny_clip.write(tmp_path, combined=True)))

    assert np.allclose(two.embed_images([plain("red")]), one.embed_images([plain("red")]))
    assert np.allclose(two.embed_text("red"), one.embed_text("red"))


def test_files_in_a_folder_onnx_are_found(export: Path, tmp_path: Path) -> None:
    """Published exports keep their models in a folder below the tokenizer."""
    (tmp_path / "onnx").mkdir()
    for path in export.iterdir():
        shutil.copy(path, tmp_path / ("onnx" if path.suffix == ".onnx" else ".") / path.name)

    assert tiny_clip.DIMENSIONS == ClipEmbedder(settings(tmp_path)).dimensions


def test_files_may_be_named(export: Path, tmp_path: Path) -> None:
    """Of several variants in a folder the settings choose."""
    shutil.copytree(export, tmp_path, dirs_exist_ok=True)
    (tmp_path / "vision_model.onnx").rename(tmp_path / "vision_model_int8.onnx")

    embedder = ClipEmbedder(settings(tmp_path, clip_image_file="vision_model_int8.onnx"))

    assert tiny_clip.DIMENSIONS == embedder.dimensions


def test_other_weights_have_another_name(export: Path, tmp_path: Path) -> None:
    """Vectors of other weights are never taken for these."""
    other = tiny_clip.write(tmp_path, seed=1)

    assert ClipEmbedder(settings(export)).name != ClipEmbedder(settings(other)).name
    assert ClipEmbedder(settings(export)).name == ClipEmbedder(settings(export)).name


def test_a_long_text_is_cut(export: Path) -> None:
    """What is behind the model's longest text does not count, and is no error."""
    embedder = ClipEmbedder(settings(export))

    whole = embedder.embed_text("red " * 16)

    assert np.array_equal(whole, embedder.embed_text("red " * 16 + "blue " * 500))


def test_without_weights_it_says_how_to_get_them() -> None:
    """The adapter without a folder ends with what to do."""
    with pytest.raises(ConfigurationError, match=r"optimum-cli export onnx.*RAGLINE_CLIP_PATH"):
        ClipEmbedder(Settings(_env_file=None))


@pytest.mark.parametrize(
    ("gone", "named"),
    [
        ("vision_model.onnx", "image tower"),
        ("text_model.onnx", "text tower"),
        ("tokenizer.json", "tokenizer.json"),
    ],
)
def test_a_missing_file_is_named(export: Path, tmp_path: Path, gone: str, named: str) -> None:
    """An export that lacks a file is refused with its name."""
    shutil.copytree(export, tmp_path, dirs_exist_ok=True)
    (tmp_path / gone).unlink()

    with pytest.raises(ConfigurationError, match=f"lacks .*{named}"):
        ClipEmbedder(settings(tmp_path))


@pytest.mark.parametrize("name", ["vision_model.onnx", "tokenizer.json", "config.json"])
def test_a_broken_file_is_a_configuration_error(export: Path, tmp_path: Path, name: str) -> None:
    """A file that cannot be read stops the start with a sentence."""
    shutil.copytree(export, tmp_path, dirs_exist_ok=True)
    (tmp_path / name).write_bytes(b"not what it should be")

    with pytest.raises(ConfigurationError, match=name):
        ClipEmbedder(settings(tmp_path))


def test_towers_of_two_models_are_refused(export: Path, tmp_path: Path) -> None:
    """A tower without vectors says what it has instead."""
    shutil.copytree(export, tmp_path, dirs_exist_ok=True)

    with pytest.raises(ConfigurationError, match=r"no output of vectors|does not take|no ONNX"):
        ClipEmbedder(settings(tmp_path, clip_text_file="tokenizer.json"))


def test_the_middle_is_cut_out_before_scaling() -> None:
    """A line of pixels does not become a picture of a billion on its way to the model."""
    how = Preparation(224, 224, 224, 3, 1 / 255, (0.5,) * 3, (0.5,) * 3)
    line = np.zeros((1, 1024, 3), dtype=np.uint8)

    assert (1, 3, 224, 224) == prepared(line, how).shape


def test_crops_keep_proportions() -> None:
    """Of a wide picture the model sees the middle, not all of it squeezed."""
    how = Preparation(32, 32, 32, 3, 1 / 255, (0.0,) * 3, (1.0,) * 3)
    wide = np.zeros((32, 96, 3), dtype=np.uint8)
    wide[:, 32:64] = 255

    assert prepared(wide, how)[0, :, 4:28, 4:28].min() > 0.99


def test_a_vector_of_zeros_is_an_error() -> None:
    """A model that gives nothing never passes for one that finds everything alike."""
    with pytest.raises(PermanentProviderError, match="vector of zeros"):
        of_length_one(np.zeros((1, 4), dtype=np.float32))
    with pytest.raises(PermanentProviderError, match="vector of zeros"):
        of_length_one(np.full((1, 4), np.nan, dtype=np.float32))
