"""Cross-encoders in every form of export are found, fed and read as they ask."""

from __future__ import annotations

import json
import math
import pickle
from pathlib import Path

import numpy as np
import pytest
from onnx import TensorProto
from tests import tiny_cross_encoder

from ragline.errors import ConfigurationError, PermanentProviderError
from ragline.providers import registry
from ragline.providers.contracts import Reranker
from ragline.providers.rerankers.cross_encoder import CrossEncoder, probabilities
from ragline.providers.rerankers.export import find_export
from ragline.settings import Settings
from ragline.testing.reranker import PASSAGES, QUESTION, RerankerConformance


def settings(folder: Path | None, **changes: object) -> Settings:
    return Settings(_env_file=None, reranker="cross-encoder", reranker_path=folder, **changes)


def made(folder: Path, **changes: object) -> CrossEncoder:
    return CrossEncoder(settings(folder, **changes))


@pytest.fixture(scope="module")
def export(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_cross_encoder.write(tmp_path_factory.mktemp("cross-encoder"))


class TestConformance(RerankerConformance):
    """A model with one logit passes the suite for all rerankers."""

    @pytest.fixture
    def reranker(self, export: Path) -> Reranker:
        found = registry.reranker(settings(export))
        assert found is not None
        return found


@pytest.mark.parametrize(
    "form",
    [
        {"classes": 2},
        {"type_ids": False},
        {"ints": TensorProto.INT32},
        {"extra_input": "position_ids"},
    ],
    ids=["two classes", "no token types", "32 bits", "places"],
)
def test_forms_of_exports_score_alike(tmp_path: Path, form: dict[str, object]) -> None:
    """Whatever inputs and outputs an export has, its logit becomes the same score."""
    folder = tiny_cross_encoder.write(tmp_path, **form)  # type: ignore[arg-type]  # by name

    scores = made(folder).rerank("otter river", PASSAGES).scores

    assert scores == pytest.approx(
        [1 / (1 + math.exp(3)), 1 / (1 + math.exp(-1)), 0.0474], abs=1e-3
    )


def test_batches_change_nothing(export: Path) -> None:
    """Passages read one at a time have the scores of those read together."""
    passages = ["otter " * n for n in (9, 1, 30, 4)] + PASSAGES

    one = made(export, reranker_batch=1).rerank(QUESTION, passages).scores
    many = made(export, reranker_batch=4).rerank(QUESTION, passages).scores

    assert one == pytest.approx(many, abs=1e-6)


def test_it_is_small_until_it_is_used(export: Path) -> None:
    """It goes to a child by its settings, and gives the same scores there."""
    sent = pickle.dumps(made(export))

    assert len(sent) < 4096
    assert made(export).rerank(QUESTION, PASSAGES) == pickle.loads(sent).rerank(QUESTION, PASSAGES)


def test_other_weights_have_another_name(export: Path, tmp_path: Path) -> None:
    """The name is made of the files."""
    other = tiny_cross_encoder.write(tmp_path, words=("other", "words"))

    assert made(export).name == made(export).name != made(other).name


@pytest.mark.parametrize(
    ("path", "said"),
    [(None, "no weights"), (Path("/nonexistent"), "no folder"), (Path("/"), "lacks model.onnx")],
)
def test_missing_weights_are_told_how_to_get(path: Path | None, said: str) -> None:
    """Without weights the start stops, with the commands that make them."""
    with pytest.raises(ConfigurationError, match=said) as raised:
        registry.reranker(settings(path))

    assert "optimum-cli export onnx" in raised.value.message
    assert "RAGLINE_RERANKER_PATH" in raised.value.message


def test_a_missing_tokenizer_is_named(export: Path, tmp_path: Path) -> None:
    """The message names the file that is not there."""
    (tmp_path / "model.onnx").write_bytes((export / "model.onnx").read_bytes())

    with pytest.raises(ConfigurationError, match=r"lacks tokenizer\.json"):
        made(tmp_path)


def test_no_model_is_told_apart(export: Path, tmp_path: Path) -> None:
    """A file that is no ONNX model is refused when it is loaded."""
    (tmp_path / "model.onnx").write_bytes(b"version https://git-lfs.github.com/spec/v1")
    (tmp_path / "tokenizer.json").write_bytes((export / "tokenizer.json").read_bytes())

    with pytest.raises(ConfigurationError, match="no ONNX model"):
        made(tmp_path).prepare()


def test_a_model_of_another_kind_is_refused(tmp_path: Path) -> None:
    """Three classes, or an input of pictures, are no cross-encoder."""
    three = tiny_cross_encoder.write(tmp_path / "three", classes=3)
    odd = tiny_cross_encoder.write(tmp_path / "odd", extra_input="pixel_values")

    with pytest.raises(ConfigurationError, match="two classes"):
        made(three).rerank(QUESTION, PASSAGES)
    with pytest.raises(ConfigurationError, match="pixel_values"):
        made(odd).prepare()


def test_another_model_file_can_be_named(export: Path) -> None:
    """The setting names a quantised file; one that is not there is told."""
    with pytest.raises(ConfigurationError, match=r"lacks model_int8\.onnx"):
        made(export, reranker_file="model_int8.onnx")


@pytest.mark.parametrize(
    ("config", "words", "tokens"),
    [
        ({"max_position_embeddings": 512, "model_type": "bert"}, {}, 512),
        ({"max_position_embeddings": 514, "model_type": "xlm-roberta"}, {}, 512),
        ({"max_position_embeddings": 8192}, {"model_max_length": 384}, 384),
        ({"max_position_embeddings": 8192}, {"model_max_length": 1e30}, 600),
        ({}, {}, 600),
    ],
)
def test_the_longest_input_is_the_least_of_what_is_said(
    export: Path, tmp_path: Path, config: object, words: object, tokens: int
) -> None:
    """Setting, tokenizer and model each have a say."""
    for name in ("model.onnx", "tokenizer.json"):
        (tmp_path / name).write_bytes((export / name).read_bytes())
    (tmp_path / "config.json").write_text(json.dumps(config))
    (tmp_path / "tokenizer_config.json").write_text(json.dumps(words))

    assert tokens == find_export(settings(tmp_path, reranker_tokens=600)).tokens


def test_scores_that_are_no_numbers_are_refused() -> None:
    """A broken model never decides an order."""
    with pytest.raises(PermanentProviderError, match="no numbers"):
        probabilities(np.array([[0.1], [np.nan]]), 2)


def test_huge_logits_are_sure() -> None:
    """No logit is too large to become a score."""
    assert [0.0, 0.5, 1.0] == probabilities(np.array([-1e9, 0.0, 1e9]), 3).tolist()
