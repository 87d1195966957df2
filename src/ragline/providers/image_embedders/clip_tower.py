"""One tower of a model in ONNX: what it is fed, by the names and types in its file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from ragline.errors import ConfigurationError, PermanentProviderError
from ragline.providers.contracts import Vectors
from ragline.providers.image_embedders.clip_export import HOW_TO_GET_WEIGHTS

PIXELS = "pixel_values"
IDS, MASK, POSITIONS = "input_ids", "attention_mask", "position_ids"
_TYPES: dict[str, type[np.generic]] = {
    "tensor(float)": np.float32,
    "tensor(float16)": np.float16,
    "tensor(double)": np.float64,
    "tensor(int64)": np.int64,
    "tensor(int32)": np.int32,
}
ERRORS_ONLY = 3


class Tower:
    """Runs a model for one of its outputs; what that needs beside its own inputs is made up."""

    def __init__(self, path: Path, outputs: tuple[str, ...], threads: int) -> None:
        """Load a file; of `outputs` the first that it has counts, else its only plain one."""
        options = ort.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.log_severity_level = ERRORS_ONLY
        try:
            session = ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        except Exception as error:  # noqa: BLE001  # the library's have no base of their own
            reason = str(error).strip().partition("\n")[0]
            raise ConfigurationError(
                f"{path} is no ONNX model that can be run ({reason}). {HOW_TO_GET_WEIGHTS}"
            ) from None
        self._set_up(path, session, outputs)

    def sharing(self, outputs: tuple[str, ...]) -> Tower:
        """Return the tower of another output of the same file."""
        other = Tower.__new__(Tower)
        other._set_up(self._path, self._session, outputs)
        return other

    def _set_up(self, path: Path, session: Any, outputs: tuple[str, ...]) -> None:
        self._path = path
        self._session = session
        self._inputs = {each.name: each for each in session.get_inputs()}
        self._output = _chosen(path, session, outputs)

    @property
    def tokens(self) -> int | None:
        """How many tokens a text must have, where the file fixes that."""
        return _axis(self._inputs[IDS].shape, 1) if IDS in self._inputs else None

    @property
    def pixels(self) -> tuple[int | None, int | None]:
        """Height and width of a picture, where the file fixes them."""
        shape = self._inputs[PIXELS].shape if PIXELS in self._inputs else []
        return _axis(shape, 2), _axis(shape, 3)

    def run(
        self,
        *,
        pixels: NDArray[np.float32] | None = None,
        ids: NDArray[np.int64] | None = None,
        mask: NDArray[np.int64] | None = None,
    ) -> Vectors:
        """Return the vector, of shape (dimensions,), of one picture or one text."""
        given = {PIXELS: pixels, IDS: ids, MASK: mask}
        feeds = {name: self._fed(name, given.get(name), ids) for name in self._inputs}
        try:
            [found] = self._session.run([self._output], feeds)
        except Exception as error:  # noqa: BLE001  # the library's have no base of their own
            reason = str(error).strip().partition("\n")[0]
            raise PermanentProviderError(
                f"The image model {self._path.name} does not take this: {reason}. Check that all "
                "files in RAGLINE_CLIP_PATH are of one export."
            ) from None
        vector: Vectors = np.asarray(found, dtype=np.float32).reshape(-1)
        return vector

    def _fed(
        self, name: str, given: NDArray[Any] | None, ids: NDArray[np.int64] | None
    ) -> NDArray[Any]:
        """Return what an input is fed: what was given, or what leaves the output as it is."""
        wanted = self._inputs[name]
        kind = _TYPES.get(wanted.type)
        if kind is None:
            raise ConfigurationError(
                f"The input {name} of {self._path} is of type {wanted.type}, which is not fed "
                f"here. {HOW_TO_GET_WEIGHTS}"
            )
        if given is not None:
            return given.astype(kind)
        if name == POSITIONS and ids is not None:
            return np.arange(ids.shape[1], dtype=kind)[np.newaxis]
        # Of a file with both towers only the one that is asked for is computed.
        usual = [1, 3, 224, 224] if name == PIXELS else [1, 2]
        shape = [_axis(wanted.shape, place) or size for place, size in enumerate(usual)]
        return np.zeros(shape, dtype=kind) if name == PIXELS else np.ones(shape, dtype=kind)


def _chosen(path: Path, session: Any, outputs: tuple[str, ...]) -> str:
    shapes = {each.name: each.shape for each in session.get_outputs()}
    for name in outputs:
        if name in shapes:
            return str(name)
    plain = [name for name, shape in shapes.items() if len(shape or ()) == 2]
    if len(plain) == 1 and not plain[0].startswith("logits"):
        return str(plain[0])
    raise ConfigurationError(
        f"{path} has no output of vectors: it has {', '.join(sorted(shapes))}, and needs one of "
        f"{', '.join(outputs)}. {HOW_TO_GET_WEIGHTS}"
    )


def _axis(shape: Any, place: int) -> int | None:
    """Return the length of an axis where the file fixes it."""
    length = shape[place] if place < len(shape) else None
    return length if isinstance(length, int) and length > 0 else None
