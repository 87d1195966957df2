"""A pair of towers of a few kilobytes with the inputs and outputs of a CLIP export.

A picture's vector is made of the mean colours of its four quarters, and a text's of the colours
that it names: so pictures are near to those of like colours, and to the words for them.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.normalizers import Lowercase
from tokenizers.pre_tokenizers import Whitespace

SIDE, DIMENSIONS, QUARTERS = 32, 16, 12
COLOURS = {
    "black": (0, 0, 0),
    "white": (255, 255, 255),
    "red": (220, 20, 20),
    "green": (20, 160, 20),
    "blue": (20, 20, 220),
    "yellow": (240, 230, 20),
}
MEAN, STD = (0.5, 0.5, 0.5), (0.25, 0.25, 0.25)


def write(folder: Path, *, combined: bool = False, siglip: bool = False, seed: int = 0) -> Path:
    """Write an export into a folder and return it; `seed` makes it another model."""
    folder.mkdir(parents=True, exist_ok=True)
    projection = _projection(seed)
    if combined:
        _save(folder / "model.onnx", _image_nodes() + _text_nodes(), projection, "both")
    else:
        _save(folder / "vision_model.onnx", _image_nodes(), projection, "image")
        _save(folder / "text_model.onnx", _text_nodes(), projection, "text")
    _tokenizer().save(str(folder / "tokenizer.json"))
    _json(
        folder / "preprocessor_config.json",
        {
            "do_center_crop": not siglip,
            "image_mean": list(MEAN),
            "image_std": list(STD),
            "resample": 3,
            "size": {"height": SIDE, "width": SIDE} if siglip else {"shortest_edge": SIDE},
            **({} if siglip else {"crop_size": {"height": SIDE, "width": SIDE}}),
        },
    )
    _json(folder / "config.json", {"model_type": "siglip" if siglip else "clip"})
    _json(folder / "tokenizer_config.json", {"model_max_length": 16, "pad_token": "[PAD]"})
    return folder


def _projection(seed: int) -> np.ndarray:
    """Return the last layer: quarters of a picture, and one value that is always there."""
    random = np.random.default_rng(seed)
    square, _ = np.linalg.qr(random.normal(size=(DIMENSIONS, DIMENSIONS)))
    return square[: QUARTERS + 1].astype(np.float32)


def _image_nodes() -> list[onnx.NodeProto]:
    half = SIDE // 2
    return [
        helper.make_node(
            "AveragePool",
            ["pixel_values"],
            ["pooled"],
            kernel_shape=[half, half],
            strides=[half] * 2,
        ),
        helper.make_node("Flatten", ["pooled"], ["quarters"], axis=1),
        helper.make_node("Pad", ["quarters", "one_more", "small"], ["image_whole"]),
        helper.make_node("MatMul", ["image_whole", "projection"], ["image_embeds"]),
    ]


def _text_nodes() -> list[onnx.NodeProto]:
    return [
        helper.make_node("Gather", ["colours", "input_ids"], ["named"]),
        helper.make_node("Cast", ["attention_mask"], ["mask"], to=TensorProto.FLOAT),
        helper.make_node("Unsqueeze", ["mask", "last"], ["mask_3"]),
        helper.make_node("Mul", ["named", "mask_3"], ["kept"]),
        helper.make_node("ReduceSum", ["kept", "middle"], ["summed"], keepdims=0),
        helper.make_node("Pad", ["summed", "one_more", "small"], ["text_whole"]),
        helper.make_node("MatMul", ["text_whole", "projection"], ["text_embeds"]),
    ]


def _save(path: Path, nodes: list[onnx.NodeProto], projection: np.ndarray, kind: str) -> None:
    floats, ints = TensorProto.FLOAT, TensorProto.INT64
    pixels = helper.make_tensor_value_info("pixel_values", floats, ["images", 3, SIDE, SIDE])
    words = [
        helper.make_tensor_value_info(name, ints, ["texts", "tokens"])
        for name in ("input_ids", "attention_mask")
    ]
    outputs = {
        name: helper.make_tensor_value_info(f"{name}_embeds", floats, ["rows", DIMENSIONS])
        for name in ("image", "text")
    }
    constants = {
        "projection": projection,
        "colours": _colour_table(),
        "one_more": np.array([0, 0, 0, 1], dtype=np.int64),
        "small": np.array(0.05, dtype=np.float32),
        "last": np.array([2], dtype=np.int64),
        "middle": np.array([1], dtype=np.int64),
    }
    used = {name for node in nodes for name in node.input}
    graph = helper.make_graph(
        nodes,
        "tiny-clip",
        ([pixels] if kind != "text" else []) + (words if kind != "image" else []),
        [outputs[name] for name in outputs if kind in (name, "both")],
        [numpy_helper.from_array(v, name) for name, v in constants.items() if name in used],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    onnx.checker.check_model(model)
    onnx.save(model, str(path))


def _colour_table() -> np.ndarray:
    """Return for each word the quarters of a picture all of its colour, as the model sees it.

    They are in the order of channels, as flattened pictures are.
    """
    rows = np.zeros((len(COLOURS) + 2, QUARTERS), dtype=np.float32)
    for row, colour in zip(rows[2:], COLOURS.values(), strict=True):
        channels = (np.array(colour) / 255 - np.array(MEAN)) / np.array(STD)
        row[:] = np.repeat(channels, 4)
    return rows


def _tokenizer() -> Tokenizer:
    words = ["[PAD]", "[UNK]", *COLOURS]
    tokenizer = Tokenizer(WordLevel({word: n for n, word in enumerate(words)}, unk_token="[UNK]"))
    tokenizer.normalizer = Lowercase()
    tokenizer.pre_tokenizer = Whitespace()
    return tokenizer


def _json(path: Path, content: dict[str, object]) -> None:
    path.write_text(json.dumps(content), encoding="utf-8")
