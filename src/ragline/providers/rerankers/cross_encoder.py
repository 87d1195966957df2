"""Any cross-encoder in ONNX, computed here; weights are named by the operator."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache, cached_property
from typing import Any

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray
from tokenizers import Tokenizer

from ragline.errors import ConfigurationError, PermanentProviderError
from ragline.providers.contracts import Reranked
from ragline.providers.rerankers.export import HOW_TO_GET_WEIGHTS, Export, find_export
from ragline.settings import Settings

ERRORS_ONLY = 3
# Beyond any call: batches are made within one.
PASSAGES_PER_CALL = 1000
_TYPES: dict[str, type[np.signedinteger[Any]]] = {
    "tensor(int64)": np.int64,
    "tensor(int32)": np.int32,
}


class CrossEncoder:
    """Scores pairs of question and passage with one model; contract `Reranker`.

    It is small until it is used: a child that was sent it loads the weights once.
    """

    provider: str | None = None
    passages_per_call = PASSAGES_PER_CALL

    def __init__(self, settings: Settings) -> None:
        """Find the files in `reranker_path`."""
        self._export = find_export(settings)
        self._threads = settings.reranker_threads
        self._batch = settings.reranker_batch

    @cached_property
    def name(self) -> str:
        """The hash of the model's files: any other file is another model."""
        return f"cross-encoder/{self._export.digest}"

    def prepare(self) -> None:
        """Load model and tokenizer into this process."""
        _loaded(self._export, self._threads)

    def rerank(self, question: str, passages: Sequence[str]) -> Reranked:
        """Return one score for each passage, read together with the question."""
        scores = np.empty(len(passages), dtype=np.float64)
        model = _loaded(self._export, self._threads)
        pairs = model.encoded(question, passages)
        # Passages of like length are read together, since the shorter ones are filled up.
        order = sorted(range(len(passages)), key=lambda place: len(pairs[place].ids))
        for start in range(0, len(order), self._batch):
            batch = order[start : start + self._batch]
            scores[batch] = model.scores([pairs[place] for place in batch])
        return Reranked(tuple(scores.tolist()), model="cross-encoder")

    def close(self) -> None:
        """Hold on to the weights: the process that loaded them ends soon."""


class _Model:
    """A session with its tokenizer."""

    def __init__(self, export: Export, threads: int) -> None:
        self._export = export
        self._session = _session(export, threads)
        self._types = {each.name: each.type for each in self._session.get_inputs()}
        self._tokenizer, self._pad_id = _words(export)

    def encoded(self, question: str, passages: Sequence[str]) -> list[Any]:
        """Return the tokens of each pair, cut to what the model reads."""
        pairs = [(question, passage) for passage in passages]
        found: list[Any] = self._tokenizer.encode_batch(pairs)
        return found

    def scores(self, pairs: Sequence[Any]) -> NDArray[np.float64]:
        """Return the scores (0–1) of pairs that are read together."""
        longest = max(len(pair.ids) for pair in pairs)
        given = {
            "input_ids": _filled([pair.ids for pair in pairs], longest, self._pad_id),
            "attention_mask": _filled([pair.attention_mask for pair in pairs], longest, 0),
            "token_type_ids": _filled([pair.type_ids for pair in pairs], longest, 0),
            "position_ids": np.tile(np.arange(longest), (len(pairs), 1)),
        }
        feeds = {name: given[name].astype(_TYPES[kind]) for name, kind in self._types.items()}
        try:
            logits = self._session.run(None, feeds)[0]
        except Exception as error:  # noqa: BLE001  # the library's have no base of their own
            reason = str(error).strip().partition("\n")[0]
            raise PermanentProviderError(
                f"The cross-encoder {self._export.model.name} does not take this: {reason}. Check "
                "that all files in RAGLINE_RERANKER_PATH are of one export."
            ) from None
        return probabilities(np.asarray(logits, dtype=np.float64), len(pairs))


def probabilities(logits: NDArray[np.float64], count: int) -> NDArray[np.float64]:
    """Return how likely each pair belongs together, from one logit for each, or from two classes.

    Of two classes the second is the one that says yes.
    """
    if logits.shape in ((count,), (count, 1)):
        row = logits.reshape(count)
    elif logits.shape == (count, 2):
        row = logits[:, 1] - logits[:, 0]
    else:
        raise ConfigurationError(
            f"The cross-encoder gives an output of shape {logits.shape} for {count} pairs; it must "
            f"be one score for each, or two classes. {HOW_TO_GET_WEIGHTS}"
        )
    if not np.isfinite(row).all():
        raise PermanentProviderError(
            "The cross-encoder gives scores that are no numbers. Check its weights."
        )
    return np.asarray(0.5 * (1 + np.tanh(row / 2)), dtype=np.float64)


@cache
def _loaded(export: Export, threads: int) -> _Model:
    """Load a model once per process."""
    return _Model(export, threads)


def _session(export: Export, threads: int) -> Any:
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = ERRORS_ONLY
    path = str(export.model)
    try:
        session = ort.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # noqa: BLE001  # the library's have no base of their own
        reason = str(error).strip().partition("\n")[0]
        raise ConfigurationError(
            f"{path} is no ONNX model that can be run ({reason}). {HOW_TO_GET_WEIGHTS}"
        ) from None
    known = {"input_ids", "attention_mask", "token_type_ids", "position_ids"}
    odd = [i.name for i in session.get_inputs() if i.name not in known or i.type not in _TYPES]
    if odd:
        raise ConfigurationError(
            f"{path} has inputs that no cross-encoder has: {', '.join(odd)}. {HOW_TO_GET_WEIGHTS}"
        )
    return session


def _words(export: Export) -> tuple[Any, int]:
    """Return the tokenizer, which cuts, and with which number shorter pairs are filled up."""
    try:
        tokenizer = Tokenizer.from_file(str(export.tokenizer))
    except Exception as error:  # noqa: BLE001  # the library raises nothing more exact
        raise ConfigurationError(
            f"{export.tokenizer} cannot be read ({error}). {HOW_TO_GET_WEIGHTS}"
        ) from None
    padding = tokenizer.padding or {}
    by_name = tokenizer.token_to_id(export.pad_token) if export.pad_token else None
    known = (padding.get("pad_id"), by_name, export.pad_id, 0)
    tokenizer.no_padding()
    tokenizer.enable_truncation(export.tokens, strategy="longest_first")
    return tokenizer, next(each for each in known if each is not None)


def _filled(rows: Sequence[Sequence[int]], length: int, filler: int) -> NDArray[np.int64]:
    whole = np.full((len(rows), length), filler, dtype=np.int64)
    for row, values in zip(whole, rows, strict=True):
        row[: len(values)] = values
    return whole
