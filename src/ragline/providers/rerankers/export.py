"""A cross-encoder on disk: its files, and what they say of its input."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ragline.errors import ConfigurationError
from ragline.settings import Settings

FILES = ("model.onnx", "onnx/model.onnx")
# Models of this family count places from behind the number of their padding.
SHIFTED = ("roberta", "xlm-roberta", "camembert")

HOW_TO_GET_WEIGHTS = (
    "Make a folder with `pip install 'optimum[onnxruntime]'` and `optimum-cli export onnx --model "
    "cross-encoder/ms-marco-MiniLM-L6-v2 --task text-classification reranker/`, or download the "
    "files of a published ONNX export (model.onnx, tokenizer.json, config.json), and set "
    "RAGLINE_RERANKER_PATH to it."
)


@dataclass(frozen=True, slots=True)
class Export:
    """The files of a cross-encoder; `tokens` is the longest input, `pad_id` what fills it up."""

    model: Path
    tokenizer: Path
    tokens: int
    pad_id: int | None
    pad_token: str | None

    @property
    def digest(self) -> str:
        """The hash of everything that decides a score, its first 16 digits."""
        whole = hashlib.sha256()
        beside = sorted(self.model.parent.glob(f"{self.model.name}[_.]data*"))
        for path in (self.model, *beside, self.tokenizer):
            with path.open("rb") as file:
                whole.update(path.name.encode() + hashlib.file_digest(file, "sha256").digest())
        return whole.hexdigest()[:16]


def find_export(settings: Settings) -> Export:
    """Return the model that the settings name; `ConfigurationError` says what is missing."""
    folder = settings.reranker_path
    if folder is None:
        raise ConfigurationError(
            f"The reranker `cross-encoder` has no weights: none come with Ragline. "
            f"{HOW_TO_GET_WEIGHTS}"
        )
    if not folder.is_dir():
        raise ConfigurationError(
            f"RAGLINE_RERANKER_PATH is no folder: {folder}. {HOW_TO_GET_WEIGHTS}"
        )
    names = (settings.reranker_file,) if settings.reranker_file else FILES
    model = next((path for name in names if (path := folder / name).is_file()), None)
    tokenizer = folder / "tokenizer.json"
    if model is None or not tokenizer.is_file():
        missing = tokenizer.name if model else names[0]
        raise ConfigurationError(
            f"The cross-encoder in {folder} lacks {missing}. {HOW_TO_GET_WEIGHTS}"
        )
    return _described(folder, model, tokenizer, settings.reranker_tokens)


def _described(folder: Path, model: Path, tokenizer: Path, most: int) -> Export:
    about, words = _read(folder / "config.json"), _read(folder / "tokenizer_config.json")
    places = about.get("max_position_embeddings")
    if isinstance(places, int) and about.get("model_type") in SHIFTED:
        places -= 2
    limits = (most, words.get("model_max_length"), places)
    pad, pad_id = words.get("pad_token"), about.get("pad_token_id")
    if isinstance(pad, dict):
        pad = pad.get("content")
    return Export(
        model,
        tokenizer,
        tokens=int(min(each for each in limits if isinstance(each, int | float) and each > 0)),
        pad_id=pad_id if isinstance(pad_id, int) else None,
        pad_token=pad if isinstance(pad, str) else None,
    )


def _read(path: Path) -> Mapping[str, Any]:
    """Return a file of settings, empty where there is none."""
    if not path.is_file():
        return {}
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ConfigurationError(
            f"{path} is no JSON that can be read ({error}). {HOW_TO_GET_WEIGHTS}"
        ) from None
    return found if isinstance(found, dict) else {}
