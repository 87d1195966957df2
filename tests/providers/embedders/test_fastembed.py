"""fastembed's models are loaded from a folder of the operator's, or fetched.

No weights come with the package and none are fetched in tests: a generated export of a few
kilobytes stands in for a model's, in its place and under its name.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.tiny_texts import DIMENSIONS, write

from ragline.errors import ConfigurationError, PermanentProviderError
from ragline.providers import registry, tasks
from ragline.providers.contracts import Embedder
from ragline.settings import Settings
from ragline.testing.embedder import EmbedderConformance

SPEC = "fastembed:BAAI/bge-small-en-v1.5"


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with one model."""
    folder = tmp_path_factory.mktemp("models")
    write(folder / "bge-small-en-v1.5")
    return folder


def connect(models: Path | None, spec: str = SPEC, **changes: object) -> Embedder:
    settings = Settings(_env_file=None, embedder_models_path=models, **changes)
    return registry.embedder(spec, settings)


class TestConformance(EmbedderConformance):
    """The adapter passes the suite."""

    @pytest.fixture
    def embedder(self, models: Path) -> Embedder:
        return connect(models)


def test_it_knows_its_models_before_it_loads_them() -> None:
    """Name and dimensions need no weights."""
    made = connect(None, "fastembed:intfloat/multilingual-e5-large")

    assert 1024 == made.dimensions
    assert made.name.startswith("fastembed/intfloat/multilingual-e5-large/")


@pytest.mark.parametrize("spec", ["fastembed:nobody/nothing", f"{SPEC}@12"])
def test_unknown_models_are_refused_at_the_start(spec: str) -> None:
    """With a way to list those there are."""
    with pytest.raises(ConfigurationError, match="list_supported_models"):
        connect(None, spec)


def test_missing_weights_are_told(tmp_path: Path) -> None:
    """Where nothing may be fetched, a retry gives the same answer."""
    made = connect(tmp_path, embedder_offline=True)

    with pytest.raises(PermanentProviderError, match="RAGLINE_EMBEDDER_OFFLINE"):
        made.embed_query("a kettle")


def test_damaged_weights_are_told(tmp_path: Path) -> None:
    """A folder that is there is not passed over."""
    folder = write(tmp_path / "bge-small-en-v1.5")
    (folder / "model_optimized.onnx").write_bytes(b"damaged")

    with pytest.raises(PermanentProviderError, match="bge-small-en"):
        connect(tmp_path).embed_query("a kettle")


def test_a_child_embeds_with_it(models: Path) -> None:
    """What compute children run finds the folder by the settings it is given."""
    settings = Settings(_env_file=None, embedder_models_path=models)
    rows = tasks.embed_passages(settings, SPEC, ["the kettle", "two years"])

    assert (2, DIMENSIONS) == rows.shape
