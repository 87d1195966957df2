"""An ONNX export of a text model of a few kilobytes, with the files that fastembed looks for.

A text's vector is a bag of its words: each token is a row of a table, and the first token is the
sum of all, since models of this kind are read at their first token.
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

DIMENSIONS = 384
WORDS = (
    *("how", "long", "does", "the", "warranty", "of", "kettle", "last", "lasts", "two", "years"),
    *("and", "covers", "all", "parts", "orchestra", "plays", "third", "symphony", "rainy"),
    *("evening", "spring", "word", "trees", "bank", "train", "wing", "tortilla"),
)


def write(folder: Path, *, file: str = "model_optimized.onnx") -> Path:
    """Write an export into a folder and return it."""
    folder.mkdir(parents=True)
    rows = len(WORDS) + 2
    table = np.random.default_rng(7).normal(size=(rows, DIMENSIONS)).astype(np.float32)
    table[:2] *= 0.01  # what fills up and what is unknown says next to nothing
    ints, numbers = TensorProto.INT64, TensorProto.FLOAT
    inputs = [
        helper.make_tensor_value_info(name, ints, ["texts", "tokens"])
        for name in ("input_ids", "attention_mask")
    ]
    output = helper.make_tensor_value_info(
        "last_hidden_state", numbers, ["texts", "tokens", DIMENSIONS]
    )
    nodes = [
        helper.make_node("Gather", ["table", "input_ids"], ["rows"]),
        helper.make_node("Cast", ["attention_mask"], ["mask"], to=numbers),
        helper.make_node("Unsqueeze", ["mask", "last"], ["mask_3"]),
        helper.make_node("Mul", ["rows", "mask_3"], ["kept"]),
        helper.make_node("ReduceSum", ["kept", "middle"], ["summed"], keepdims=1),
        helper.make_node("Add", ["kept", "summed"], ["last_hidden_state"]),
    ]
    constants = {
        "table": table,
        "last": np.array([2], dtype=np.int64),
        "middle": np.array([1], dtype=np.int64),
    }
    graph = helper.make_graph(
        nodes,
        "tiny-texts",
        inputs,
        [output],
        [numpy_helper.from_array(each, name) for name, each in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    onnx.checker.check_model(model)
    onnx.save(model, str(folder / file))
    _tokenizer().save(str(folder / "tokenizer.json"))
    _json(folder / "config.json", {"pad_token_id": 0})
    _json(folder / "tokenizer_config.json", {"model_max_length": 64, "pad_token": "[PAD]"})
    _json(folder / "special_tokens_map.json", {"pad_token": "[PAD]", "unk_token": "[UNK]"})
    return folder


def _tokenizer() -> Tokenizer:
    words = {word: place for place, word in enumerate(("[PAD]", "[UNK]", *WORDS))}
    tokenizer = Tokenizer(WordLevel(words, unk_token="[UNK]"))
    tokenizer.normalizer = Lowercase()
    tokenizer.pre_tokenizer = Whitespace()
    return tokenizer


def _json(path: Path, content: dict[str, object]) -> None:
    path.write_text(json.dumps(content), encoding="utf-8")
