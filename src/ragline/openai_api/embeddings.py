"""Texts to vectors by the embedder that searches use, as OpenAI's clients ask for them."""

from __future__ import annotations

import base64
from typing import Annotated, Any, Literal

import numpy as np
from fastapi import APIRouter
from pydantic import BaseModel, BeforeValidator, Field

from ragline.accounts.access import CallerParameter, RuntimeParameter
from ragline.accounts.schemas import CleanText
from ragline.bootstrap import Runtime
from ragline.ingestion.embed import LIMITS
from ragline.openai_api.catalog import unknown_model
from ragline.openai_api.errors import refused
from ragline.openai_api.schemas import RequestModel
from ragline.providers import tasks
from ragline.providers.contracts import Vectors

MOST_TEXTS = 2048
LONGEST_TEXT = 100_000

router = APIRouter(prefix="/v1/embeddings", tags=["openai"])


def _texts(given: object) -> object:
    """Return one text as a list of one; tokens are another model's numbers."""
    if isinstance(given, str):
        return [given]
    tokens = isinstance(given, list) and any(isinstance(each, int | list) for each in given)
    if tokens:
        raise ValueError("arrays of tokens are not taken here; send texts")
    return given


Text = Annotated[CleanText, Field(min_length=1, max_length=LONGEST_TEXT)]


class EmbeddingRequest(RequestModel):
    """Texts to be embedded."""

    input: Annotated[
        list[Text], Field(min_length=1, max_length=MOST_TEXTS), BeforeValidator(_texts)
    ]
    model: CleanText
    encoding_format: Literal["float", "base64"] = "float"
    dimensions: int | None = None
    user: str | None = None


class EmbeddingObject(BaseModel):
    """A vector of length 1: numbers, or its 32-bit floats, little-endian, as base64."""

    object: Literal["embedding"] = "embedding"
    index: int
    embedding: list[float] | str


class EmbeddingUsage(BaseModel):
    """What was embedded; words, since the local embedder knows no tokens."""

    prompt_tokens: int
    total_tokens: int


class EmbeddingAnswer(BaseModel):
    """A vector for each text, in their order."""

    object: Literal["list"] = "list"
    data: list[EmbeddingObject]
    model: str
    usage: EmbeddingUsage


@router.post("")
def embed(
    body: EmbeddingRequest, runtime: RuntimeParameter, caller: CallerParameter
) -> EmbeddingAnswer:
    """Embed texts."""
    embedder = runtime.embedder
    if body.model not in (embedder.name, runtime.settings.embedder):
        raise unknown_model(body.model)
    if body.dimensions not in (None, embedder.dimensions):
        raise refused("dimensions", f"must be {embedder.dimensions}, or be left out")
    vectors = _embedded(runtime, body.input)
    words = sum(len(text.split()) for text in body.input)
    return EmbeddingAnswer(
        data=[
            EmbeddingObject(index=index, embedding=_written(vector, body.encoding_format))
            for index, vector in enumerate(vectors)
        ],
        model=embedder.name,
        usage=EmbeddingUsage(prompt_tokens=words, total_tokens=words),
    )


def _embedded(runtime: Runtime, texts: list[str]) -> Vectors:
    """Return one row for each text; more than one is worth a child process."""
    if len(texts) == 1:
        return runtime.embedder.embed_passages(texts)
    size, name = runtime.settings.embed_batch, runtime.settings.embedder
    return np.concatenate(
        [
            runtime.compute.run(
                tasks.embed_passages, name, texts[start : start + size], limits=LIMITS
            )
            for start in range(0, len(texts), size)
        ]
    )


def _written(vector: Any, encoding: str) -> list[float] | str:
    numbers = vector.astype("<f4")
    if encoding == "base64":
        return base64.b64encode(numbers.tobytes()).decode()
    return [float(number) for number in numbers]
