"""A cross-encoder of a few kilobytes with the inputs and outputs of real exports.

A pair's logit grows with the words that question and passage share, among those it knows.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.normalizers import Lowercase
from tokenizers.pre_tokenizers import Whitespace
from tokenizers.processors import TemplateProcessing

SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]")
WORDS = ("otter", "heron", "bread", "river", "oak", "oven", "sleeps", "nests", "bakes")


def write(
    folder: Path,
    *,
    words: Sequence[str] = WORDS,
    classes: int = 1,
    type_ids: bool = True,
    ints: int = TensorProto.INT64,
    extra_input: str | None = None,
) -> Path:
    """Write an export into a folder and return it; without `type_ids` repeated words count."""
    folder.mkdir(parents=True, exist_ok=True)
    vocabulary = [*SPECIAL, *words]
    names = ["input_ids", "attention_mask", *(["token_type_ids"] if type_ids else [])]
    if extra_input:
        names.append(extra_input)
    nodes = _counted(type_ids) + _classes()
    constants = {
        "eye": np.eye(len(vocabulary), dtype=np.float32),
        "weights": np.array([[0.0]] * len(SPECIAL) + [[2.0]] * len(words), dtype=np.float32),
        "bias": np.array([-3.0], dtype=np.float32),
        "one": np.array(1.0, dtype=np.float32),
        "last": np.array([2], dtype=np.int64),
        "middle": np.array([1], dtype=np.int64),
        "spread": np.array([[0.0, 1.0, 0.0][:classes]] if classes > 1 else [[1.0]], np.float32),
    }
    used = {name for node in nodes for name in node.input}
    graph = helper.make_graph(
        nodes,
        "tiny-cross-encoder",
        [helper.make_tensor_value_info(name, ints, ["pairs", "tokens"]) for name in names],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["pairs", classes])],
        [numpy_helper.from_array(v, name) for name, v in constants.items() if name in used],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    onnx.checker.check_model(model)
    onnx.save(model, str(folder / "model.onnx"))
    _tokenizer(vocabulary).save(str(folder / "tokenizer.json"))
    _json(folder / "config.json", {"model_type": "bert", "max_position_embeddings": 64})
    _json(folder / "tokenizer_config.json", {"pad_token": "[PAD]", "model_max_length": 1e30})
    return folder


def _counted(type_ids: bool) -> list[onnx.NodeProto]:
    """Return how words are counted: shared by both sides, or repeated in the whole."""
    nodes = [
        helper.make_node("Gather", ["eye", "input_ids"], ["named"]),
        helper.make_node("Cast", ["attention_mask"], ["mask"], to=TensorProto.FLOAT),
        helper.make_node("Unsqueeze", ["mask", "last"], ["mask_3"]),
        helper.make_node("Mul", ["named", "mask_3"], ["kept"]),
    ]
    if not type_ids:
        return [
            *nodes,
            helper.make_node("ReduceSum", ["kept", "middle"], ["all"], keepdims=0),
            helper.make_node("Sub", ["all", "one"], ["more"]),
            helper.make_node("Relu", ["more"], ["shared"]),
        ]
    return [
        *nodes,
        helper.make_node("Cast", ["token_type_ids"], ["types"], to=TensorProto.FLOAT),
        helper.make_node("Unsqueeze", ["types", "last"], ["types_3"]),
        helper.make_node("Mul", ["kept", "types_3"], ["behind"]),
        helper.make_node("Sub", ["kept", "behind"], ["before"]),
        helper.make_node("ReduceSum", ["before", "middle"], ["asked"], keepdims=0),
        helper.make_node("ReduceSum", ["behind", "middle"], ["there"], keepdims=0),
        helper.make_node("Min", ["asked", "there"], ["shared"]),
    ]


def _classes() -> list[onnx.NodeProto]:
    return [
        helper.make_node("MatMul", ["shared", "weights"], ["summed"]),
        helper.make_node("Add", ["summed", "bias"], ["logit"]),
        helper.make_node("MatMul", ["logit", "spread"], ["logits"]),
    ]


def _tokenizer(vocabulary: Sequence[str]) -> Tokenizer:
    numbers = {word: number for number, word in enumerate(vocabulary)}
    tokenizer = Tokenizer(WordLevel(numbers, unk_token="[UNK]"))
    tokenizer.normalizer = Lowercase()
    tokenizer.pre_tokenizer = Whitespace()
    tokenizer.post_processor = TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] $B:1 [SEP]:1",
        special_tokens=[("[CLS]", numbers["[CLS]"]), ("[SEP]", numbers["[SEP]"])],
    )
    return tokenizer


def _json(path: Path, content: dict[str, object]) -> None:
    path.write_text(json.dumps(content), encoding="utf-8")
