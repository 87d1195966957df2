"""An export of CLIP or SigLIP on disk: which of its files are what, and what they ask for."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ragline.errors import ConfigurationError
from ragline.settings import Settings

IMAGE_FILES = ("vision_model.onnx", "image_model.onnx", "visual.onnx")
TEXT_FILES = ("text_model.onnx", "textual.onnx")
WHOLE_FILES = ("model.onnx",)
FOLDERS = ("", "onnx")
CONFIGURATION = ("preprocessor_config.json", "config.json", "tokenizer_config.json")
BICUBIC = 3
# What OpenAI's own models were trained with.
CLIP_MEAN = (0.48145466, 0.4578275, 0.40821073)
CLIP_STD = (0.26862954, 0.26130258, 0.27577711)
CLIP_TOKENS, SIGLIP_TOKENS = 77, 64
# Tokenizers without a limit of their own name an astronomical one.
MOST_TOKENS = 8192

HOW_TO_GET_WEIGHTS = (
    "Make a folder with `pip install 'optimum[onnxruntime]'` and `optimum-cli export onnx --model "
    "openai/clip-vit-base-patch32 --task zero-shot-image-classification clip/`, or download the "
    "files of a published ONNX export (its .onnx files, tokenizer.json, preprocessor_config.json), "
    "and set RAGLINE_CLIP_PATH to it."
)


@dataclass(frozen=True, slots=True)
class Preparation:
    """How a picture becomes the model's input: sizes in pixels, mean and deviation by channel.

    With `shortest_edge` the picture is scaled to it and its middle is cut out, else it is
    stretched. `height` and `width` of 0 leave the choice to the model.
    """

    height: int
    width: int
    shortest_edge: int | None
    resample: int
    scale: float
    mean: tuple[float, ...]
    std: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Export:
    """The files of an export; both towers may be in one.

    `tokens` is the longest text, or None where only the model knows; `pads` says that each text
    is filled up to it, with `pad_id`.
    """

    image: Path
    text: Path
    tokenizer: Path
    preparation: Preparation
    is_siglip: bool
    tokens: int | None
    pad_id: int | None
    pad_token: str | None

    @property
    def digest(self) -> str:
        """The hash of everything that decides a vector, its first 16 digits."""
        folder = self.tokenizer.parent
        models = {self.image, self.text}
        beside = {each for model in models for each in model.parent.glob(f"{model.name}_data*")}
        beside |= {each for model in models for each in model.parent.glob(f"{model.name}.data*")}
        settings = {each for name in CONFIGURATION if (each := folder / name).is_file()}
        whole = hashlib.sha256()
        for path in sorted(models | beside | settings | {self.tokenizer}):
            with path.open("rb") as file:
                whole.update(path.name.encode() + hashlib.file_digest(file, "sha256").digest())
        return whole.hexdigest()[:16]


def find_export(settings: Settings) -> Export:
    """Return the export that the settings name; raise `ConfigurationError` with what is missing."""
    folder = settings.clip_path
    if folder is None:
        raise ConfigurationError(
            f"The image embedder `clip` has no weights: none come with Ragline. "
            f"{HOW_TO_GET_WEIGHTS}"
        )
    if not folder.is_dir():
        raise ConfigurationError(f"RAGLINE_CLIP_PATH is no folder: {folder}. {HOW_TO_GET_WEIGHTS}")
    whole = _first(folder, WHOLE_FILES)
    image = _named(folder, settings.clip_image_file) or _first(folder, IMAGE_FILES) or whole
    text = _named(folder, settings.clip_text_file) or _first(folder, TEXT_FILES) or whole
    tokenizer = folder / "tokenizer.json"
    missing = [
        name
        for name, path in (
            ("the image tower (vision_model.onnx, or both towers in model.onnx)", image),
            ("the text tower (text_model.onnx, or both towers in model.onnx)", text),
            ("tokenizer.json", tokenizer if tokenizer.is_file() else None),
        )
        if path is None
    ]
    if image is None or text is None or missing:
        raise ConfigurationError(
            f"The export in {folder} lacks {' and '.join(missing)}. {HOW_TO_GET_WEIGHTS}"
        )
    return _described(folder, image, text, tokenizer)


def _described(folder: Path, image: Path, text: Path, tokenizer: Path) -> Export:
    model = _read(folder / "config.json")
    words = _read(folder / "tokenizer_config.json")
    about_text = _mapping(model.get("text_config"))
    is_siglip = str(model.get("model_type", "")).startswith("siglip")
    pad = words.get("pad_token")
    return Export(
        image=image,
        text=text,
        tokenizer=tokenizer,
        preparation=_preparation(_read(folder / "preprocessor_config.json")),
        is_siglip=is_siglip,
        tokens=_tokens(words.get("model_max_length"), about_text.get("max_position_embeddings")),
        pad_id=_number(about_text.get("pad_token_id")),
        pad_token=str(_mapping(pad).get("content") if isinstance(pad, dict) else pad or "") or None,
    )


def _preparation(given: Mapping[str, Any]) -> Preparation:
    size, crop = _size(given.get("size")), _size(given.get("crop_size"))
    crops = bool(given.get("do_center_crop", "crop_size" in given or not given))
    height, width = crop if crops and crop != (0, 0) else size
    shortest = None
    if crops:
        named = _mapping(given.get("size")).get("shortest_edge")
        shortest = _number(named) or min(size) or min(height, width) or None
        if (height, width) == (0, 0) and shortest:
            height = width = shortest
    return Preparation(
        height=height,
        width=width,
        shortest_edge=shortest,
        resample=_number(given.get("resample")) or BICUBIC,
        scale=float(given.get("rescale_factor", 1 / 255)),
        mean=_channels(given.get("image_mean"), CLIP_MEAN),
        std=_channels(given.get("image_std"), CLIP_STD),
    )


def _size(given: object) -> tuple[int, int]:
    """Return height and width; older exports give one number for both."""
    number = _number(given)
    if number:
        return number, number
    parts = _mapping(given)
    edge = _number(parts.get("shortest_edge")) or 0
    return _number(parts.get("height")) or edge, _number(parts.get("width")) or edge


def _channels(given: object, otherwise: tuple[float, ...]) -> tuple[float, ...]:
    if isinstance(given, list) and len(given) == 3:
        return tuple(float(value) for value in given)
    return otherwise


def _tokens(*limits: object) -> int | None:
    return next((n for n in map(_number, limits) if n is not None and 0 < n <= MOST_TOKENS), None)


def _number(given: object) -> int | None:
    if isinstance(given, bool) or not isinstance(given, int | float):
        return None
    return int(given)


def _mapping(given: object) -> Mapping[str, Any]:
    return given if isinstance(given, dict) else {}


def _read(path: Path) -> Mapping[str, Any]:
    """Return a file of settings, empty where there is none."""
    if not path.is_file():
        return {}
    try:
        return _mapping(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError) as error:
        raise ConfigurationError(
            f"{path} is no JSON that can be read ({error}). {HOW_TO_GET_WEIGHTS}"
        ) from None


def _named(folder: Path, name: str | None) -> Path | None:
    if name is None:
        return None
    path = folder / name
    if not path.is_file():
        raise ConfigurationError(
            f"There is no file {path}. Correct RAGLINE_CLIP_IMAGE_FILE or RAGLINE_CLIP_TEXT_FILE, "
            "or unset them."
        )
    return path


def _first(folder: Path, names: tuple[str, ...]) -> Path | None:
    places = (folder / within / name for within in FOLDERS for name in names)
    return next((place for place in places if place.is_file()), None)
