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
from ragline.indexes.embedding import embed_group, groups
from ragline.jobs.turnstile import Turnstile, patience
from ragline.openai_api.catalog import embedding_models, unknown_model
from ragline.openai_api.errors import refused
from ragline.openai_api.schemas import RequestModel
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
    """What was embedded: tokens where the model counts them, else words."""

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
    spec = _spec_of(runtime, body.model)
    embedder = runtime.embedder_for(spec)
    if body.dimensions not in (None, embedder.dimensions):
        raise refused("dimensions", f"must be {embedder.dimensions}, or be left out")
    vectors, tokens = _embedded(runtime, spec, body.input)
    return EmbeddingAnswer(
        data=[
            EmbeddingObject(index=index, embedding=_written(vector, body.encoding_format))
            for index, vector in enumerate(vectors)
        ],
        model=embedder.name,
        usage=EmbeddingUsage(prompt_tokens=tokens, total_tokens=tokens),
    )


def _spec_of(runtime: Runtime, model: str) -> str:
    """Return the spec of a model that clients may name: those that indexes use here."""
    known = embedding_models(runtime)
    if model in known:
        return known[model]
    if model in known.values():
        return model
    if model == runtime.settings.embedder:
        return runtime.settings.own_embedder
    raise unknown_model(model)


def _embedded(runtime: Runtime, spec: str, texts: list[str]) -> tuple[Vectors, int]:
    """Return one row for each text, and the tokens they were; more than one is worth a child."""
    embedder = runtime.embedder_for(spec)
    words = sum(len(text.split()) for text in texts)
    if embedder.provider is None and len(texts) == 1:
        return embedder.embed_passages(texts), words
    rows = np.empty((len(texts), embedder.dimensions), dtype=np.float32)
    turnstile = Turnstile(patience(runtime.settings.embedder_wait_seconds))
    tokens = 0
    for group in groups(runtime, embedder, texts):
        begin = group.start
        for part in embed_group(runtime, spec, texts[group], turnstile):
            rows[[begin + place for place in part.places]] = part.vectors
            tokens += part.paid.prompt_tokens if part.paid else 0
    return rows, tokens or words


def _written(vector: Any, encoding: str) -> list[float] | str:
    numbers = vector.astype("<f4")
    if encoding == "base64":
        return base64.b64encode(numbers.tobytes()).decode()
    return [float(number) for number in numbers]
