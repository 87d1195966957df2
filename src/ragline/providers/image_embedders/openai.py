"""Vectors of pictures and texts from any server of embeddings in OpenAI's manner.

OpenAI's own endpoint takes texts only. Servers that take pictures differ in how they are sent;
all take `POST /embeddings` and answer `{"data": [{"index", "embedding"}]}`:

vllm      {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url":
          {"url": "data:image/jpeg;base64,…"}}]}]}; a text is {"input": "…"}
          https://docs.vllm.ai/en/latest/serving/openai_compatible_server.html
infinity  {"input": ["data:image/jpeg;base64,…"], "modality": "image"}; texts "modality": "text"
          https://michaelfeil.eu/infinity/
jina      {"input": [{"image": "data:image/jpeg;base64,…"}]}; texts {"text": "…"}
          https://api.jina.ai/redoc
"""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Mapping, Sequence
from typing import Any

import httpx2
import numpy as np
from PIL import Image

from ragline.errors import ConfigurationError, PermanentProviderError, ProviderError
from ragline.providers.contracts import (
    Embedded,
    ImageCalibration,
    Picture,
    Usage,
    Vectors,
)
from ragline.providers.image_embedders.lengths import of_length_one
from ragline.providers.llms.exchange import Exchange
from ragline.providers.llms.server_errors import Place, Unusable, translated
from ragline.settings import Settings

QUALITY = 90
LONGEST_TEXT = 2000
REFUSALS = (400, 413, 422)
# Of CLIP-like models in general; the settings say it better for a certain one.
CALIBRATION = ImageCalibration(images=(0.5, 1.0), texts=(0.15, 0.35))


class OpenAIImageEmbedder:
    """Asks a server once for each picture or text; contract `ImageEmbedder`."""

    provider: str | None = "image_openai"

    def __init__(self, settings: Settings) -> None:
        """Read address, key, model, dimensions and form from the settings `image_openai_*`."""
        url, model = settings.image_openai_base_url, settings.image_openai_model
        dimensions = settings.image_openai_dimensions
        if url is None or model is None or dimensions is None:
            raise ConfigurationError(
                "The image embedder `openai` needs RAGLINE_IMAGE_OPENAI_BASE_URL, "
                "RAGLINE_IMAGE_OPENAI_MODEL and RAGLINE_IMAGE_OPENAI_DIMENSIONS: the address of a "
                "server of embeddings that takes pictures, such as http://127.0.0.1:7997/v1, its "
                "model and the length of its vectors."
            )
        key = settings.image_openai_api_key
        self._place = Place(
            url=url,
            key=key.get_secret_value() if key else "",
            seconds=settings.image_openai_timeout_seconds,
            url_setting="RAGLINE_IMAGE_OPENAI_BASE_URL",
            key_setting="RAGLINE_IMAGE_OPENAI_API_KEY",
            model_setting="RAGLINE_IMAGE_OPENAI_MODEL",
            seconds_setting="RAGLINE_IMAGE_OPENAI_TIMEOUT_SECONDS",
            url_hint=", which usually ends in /v1",
        )
        self._model = model
        self._form = settings.image_openai_form
        self._exchange = Exchange(self._place)
        self.dimensions = dimensions
        self.name = f"openai/{self._form}/{model}/{dimensions}"
        self.calibration = ImageCalibration(
            images=settings.image_cosines or CALIBRATION.images,
            texts=settings.image_text_cosines or CALIBRATION.texts,
        )

    def embed_images(self, pictures: Sequence[Picture]) -> Vectors:
        """Return one row for each picture, sent as JPEGs."""
        return self.embed_counted(pictures).vectors

    def embed_counted(self, pictures: Sequence[Picture]) -> Embedded:
        """Return the same with the tokens that the server says it counted."""
        rows, tokens = np.empty((len(pictures), self.dimensions), dtype=np.float32), 0
        for row, picture in zip(rows, pictures, strict=True):
            row[:], counted = self._asked(_picture_body(self._form, _data_url(picture)))
            tokens += counted
        return Embedded(of_length_one(rows), Usage(self._model, tokens, 0))

    def embed_text(self, text: str) -> Vectors:
        """Return one vector; what is behind the first 2,000 signs is cut."""
        row, _ = self._asked(_text_body(self._form, text[:LONGEST_TEXT]))
        vector: Vectors = of_length_one(row[np.newaxis])[0]
        return vector

    def close(self) -> None:
        """Close the client."""
        self._exchange.close()

    def _asked(self, body: Mapping[str, Any]) -> tuple[Vectors, int]:
        """Return vector and tokens of one request; every failure becomes one of ours."""
        whole = {"model": self._model, "encoding_format": "float", **body}
        failure: ProviderError
        try:
            content = b"\n".join(self._exchange.lines("POST", "embeddings", whole))
            return self._vector_in(content), _tokens_in(content)
        except Unusable as error:
            failure = self._refused(error)
        except (httpx2.HTTPError, UnicodeError) as error:
            failure = translated(error, self._place, model=self._model)
        # Outside the handler, so that no trace holds the request with its headers.
        raise failure

    def _refused(self, error: Unusable) -> ProviderError:
        if error.status not in REFUSALS:
            return translated(error, self._place, model=self._model)
        said = f" It says: {error.detail[:300]}" if error.detail else ""
        if self._place.key:
            said = said.replace(self._place.key, "[key]")
        return PermanentProviderError(
            f"The server of embeddings refused a picture or text sent in the form {self._form!r}. "
            "Check that RAGLINE_IMAGE_OPENAI_MODEL takes pictures, and choose in "
            f"RAGLINE_IMAGE_OPENAI_FORM what the server expects.{said}"
        )

    def _vector_in(self, content: bytes) -> Vectors:
        """Return the one vector of an answer; raise `Unusable` for anything else."""
        try:
            answer = json.loads(content)
            [item] = answer["data"]
            vector: Vectors = np.asarray(item["embedding"], dtype=np.float32)
        except (ValueError, TypeError, KeyError, RecursionError, OverflowError):
            raise Unusable("The server of embeddings gave no vector.") from None
        if vector.shape != (self.dimensions,):
            raise PermanentProviderError(
                f"The server of embeddings gave a vector of shape {vector.shape}, and "
                f"RAGLINE_IMAGE_OPENAI_DIMENSIONS says {self.dimensions}. Correct the setting."
            )
        return vector


def _tokens_in(content: bytes) -> int:
    """Return the tokens that an answer tells of, 0 where it tells of none."""
    usage = json.loads(content).get("usage")
    if not isinstance(usage, dict):
        return 0
    counted = usage.get("prompt_tokens") or usage.get("total_tokens")
    return counted if isinstance(counted, int) and counted > 0 else 0


def _picture_body(form: str, url: str) -> dict[str, Any]:
    if form == "infinity":
        return {"input": [url], "modality": "image"}
    if form == "jina":
        return {"input": [{"image": url}]}
    return {
        "messages": [
            {"role": "user", "content": [{"type": "image_url", "image_url": {"url": url}}]}
        ]
    }


def _text_body(form: str, text: str) -> dict[str, Any]:
    if form == "infinity":
        return {"input": [text], "modality": "text"}
    if form == "jina":
        return {"input": [{"text": text}]}
    return {"input": text}


def _data_url(picture: Picture) -> str:
    written = io.BytesIO()
    Image.fromarray(picture).save(written, "JPEG", quality=QUALITY)
    return f"data:image/jpeg;base64,{base64.b64encode(written.getvalue()).decode()}"
