"""Product images: what looks at them, and how much one may be."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, Field, SecretStr


class ImageSettings(BaseModel):
    """Product images: what looks at them, and how much one may be."""

    image_embedder: str | None = Field(
        default=None,
        description="Name of the image embedder: `clip` for a local CLIP or SigLIP export, "
        "`openai` for a server; unset means that products are not taken.",
    )
    image_concurrency: int = Field(
        default=8, ge=1, description="Product images worked on at once by a worker."
    )
    image_seconds: float = Field(
        default=600, gt=0, description="Time limit of one attempt to index a product image."
    )
    image_max_bytes: int = Field(
        default=32 * 1024**2, ge=1024, description="Largest product image, in bytes."
    )
    image_max_megapixels: float = Field(
        default=40,
        gt=0,
        le=80,
        description="Most pixels of a product image, in millions, by what its header says.",
    )
    image_thumbnail_pixels: int = Field(
        default=384, ge=32, le=1024, description="Longer side of thumbnails, in pixels."
    )
    image_cosines: tuple[float, float] | None = Field(
        default=None,
        description="Cosines of the image model for two unrelated pictures and for two equal "
        "ones, as JSON `[0.5, 1.0]`; unset means the adapter's own.",
    )
    image_text_cosines: tuple[float, float] | None = Field(
        default=None,
        description="Cosines of the image model for a text and an unrelated picture, and for one "
        "that it describes, as JSON `[0.15, 0.32]`; unset means the adapter's own.",
    )
    clip_path: Path | None = Field(
        default=None,
        description="Folder of an ONNX export of CLIP or SigLIP: its one or two .onnx files, "
        "tokenizer.json and preprocessor_config.json.",
    )
    clip_image_file: str | None = Field(
        default=None,
        description="The image tower's file in that folder; unset means the usual names.",
    )
    clip_text_file: str | None = Field(
        default=None,
        description="The text tower's file in that folder; unset means the usual names.",
    )
    clip_threads: int = Field(
        default=1, ge=1, description="Threads on which each child computes the image model."
    )
    clip_memory_mb: int = Field(
        default=4096, ge=256, description="Most memory of a child with the image model, in MiB."
    )
    image_openai_base_url: str | None = Field(
        default=None,
        description="Base URL of the embeddings server behind the image embedder `openai`, which "
        "usually ends in /v1.",
    )
    image_openai_api_key: SecretStr | None = Field(
        default=None, description="Key sent to that server."
    )
    image_openai_model: str | None = Field(default=None, description="Model asked for there.")
    image_openai_dimensions: int | None = Field(
        default=None, ge=1, le=16_000, description="Dimensions of that model's vectors."
    )
    image_openai_form: Literal["vllm", "infinity", "jina"] = Field(
        default="vllm",
        description="How that server takes images: `vllm` as chat messages, `infinity` as data "
        "URLs with a modality, `jina` as objects.",
    )
    image_openai_timeout_seconds: float = Field(
        default=30, gt=0, description="Time after which a call to that server is given up."
    )
