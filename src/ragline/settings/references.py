"""How bibliographies are written."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, Field


class ReferenceSettings(BaseModel):
    """How bibliographies are written."""

    bibliography_style: str = Field(
        default="harvard-cite-them-right",
        min_length=1,
        max_length=150,
        description="Citation style of bibliographies, where a request names none.",
    )
    bibliography_locale: str = Field(
        default="en-US",
        min_length=2,
        max_length=20,
        description="Language of bibliographies, where a request names none.",
    )
    styles_dir: Path | None = Field(
        default=None,
        description="Folder of CSL files of your own; `house.csl` in it is the style `house`.",
    )
