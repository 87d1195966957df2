"""Where the weights of models lie that the operator brought."""

from __future__ import annotations

from pathlib import Path

from ragline.settings import Settings


def own_folder(settings: Settings, model: str) -> Path | None:
    """Return a model's own folder: under `RAGLINE_EMBEDDER_MODELS_PATH`, by the last of its name.

    None where there is none, so that weights are looked for where they were downloaded to.
    """
    if settings.embedder_models_path is None:
        return None
    folder = settings.embedder_models_path / model.rpartition("/")[2]
    return folder if folder.is_dir() else None


def cache_folder(settings: Settings) -> str | None:
    """Return where downloads are kept; None for the library's own place."""
    path = settings.embedder_models_path
    return str(path / "downloaded") if path else None
