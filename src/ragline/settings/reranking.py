"""What is done with passages between their ranking and the answer."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, Field, SecretStr

from ragline.settings.machine import CORES


class RerankingSettings(BaseModel):
    """What is done with passages between their ranking and the answer."""

    search_nothing_found: bool = Field(
        default=True,
        description="Whether a search in mode `hybrid` finds nothing, instead of noise, where no "
        "passage is near the question and no least score was asked for.",
    )
    reranker: str | None = Field(
        default=None,
        description="What reads the best passages again and puts them in a better order: "
        "`cross-encoder` for an ONNX model of yours, `cohere`, `jina`, `endpoint` for any other "
        "server; unset or `none` means nothing.",
    )
    reranker_candidates: int = Field(
        default=50, ge=1, le=200, description="Most passages that are reranked for a question."
    )
    reranker_wait_seconds: float = Field(
        default=10,
        gt=0,
        description="How long a search waits for the reranker's turn or limits before it answers "
        "without it.",
    )
    reranker_path: Path | None = Field(
        default=None,
        description="Folder of the cross-encoder in ONNX: model.onnx and tokenizer.json.",
    )
    reranker_file: str | None = Field(
        default=None,
        description="The model's file in that folder, such as a quantised one; unset means "
        "model.onnx or onnx/model.onnx.",
    )
    reranker_tokens: int = Field(
        default=512,
        ge=16,
        le=8192,
        description="Most tokens of a question with a passage that the cross-encoder reads.",
    )
    reranker_batch: int = Field(
        default=16, ge=1, le=256, description="Passages that the cross-encoder reads at once."
    )
    reranker_threads: int = Field(
        default=CORES, ge=1, description="Threads on which the cross-encoder computes."
    )
    reranker_memory_mb: int = Field(
        default=4096, ge=256, description="Most memory of the child with the cross-encoder, in MiB."
    )
    reranker_wall_seconds: float = Field(
        default=30, gt=0, description="Longest time the cross-encoder may take for a question."
    )
    reranker_base_url: str | None = Field(
        default=None,
        description="Base URL of the server of reranking; unset means the provider's own for "
        "`cohere` and `jina`. The path is `rerank` below it.",
    )
    reranker_api_key: SecretStr | None = Field(default=None, description="Key sent to that server.")
    reranker_model: str | None = Field(
        default=None,
        description="Model asked for there; unset means `rerank-v3.5` for `cohere` and "
        "`jina-reranker-v2-base-multilingual` for `jina`.",
    )
    reranker_form: Literal["cohere", "tei", "llamacpp"] = Field(
        default="cohere",
        description="How the server of `endpoint` is spoken to: `cohere` as most are, `llamacpp` "
        "the same with scores that are not yet between 0 and 1, `tei` as Text Embeddings "
        "Inference.",
    )
    reranker_per_call: int = Field(
        default=32, ge=1, le=1000, description="Most passages sent to the server in one call."
    )
    reranker_timeout_seconds: float = Field(
        default=10, gt=0, description="Time after which a call to the server is given up."
    )
    reranker_call_price: float = Field(
        default=0,
        ge=0,
        description="USD that a call costs, for providers that count calls; those that count "
        "tokens have their price in `RAGLINE_TOKEN_PRICES`.",
    )
