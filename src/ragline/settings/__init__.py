"""All settings, read once from `RAGLINE_*` variables or a `.env` file; a file for each subject."""

from __future__ import annotations

from pathlib import Path

from pydantic import ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict, SettingsError

from ragline.errors import ConfigurationError
from ragline.settings.caching import CachingSettings
from ragline.settings.cleaning import CleaningSettings
from ragline.settings.edge import EdgeSettings
from ragline.settings.embedders import EmbedderEndpoint as EmbedderEndpoint
from ragline.settings.embedders import EmbedderSettings
from ragline.settings.images import ImageSettings
from ragline.settings.imports import ImportSettings
from ragline.settings.indexes import IndexSettings
from ragline.settings.keeping import KeepingSettings
from ragline.settings.machine import CORES as CORES
from ragline.settings.models import CallLimits as CallLimits
from ragline.settings.models import LLMEndpoint as LLMEndpoint
from ragline.settings.models import ModelSettings
from ragline.settings.models import TokenPrice as TokenPrice
from ragline.settings.ocr import OCRSettings
from ragline.settings.reading import ReadingSettings
from ragline.settings.reembedding import ReembeddingSettings
from ragline.settings.references import ReferenceSettings
from ragline.settings.reranking import RerankingSettings
from ragline.settings.server import ServerSettings
from ragline.settings.vector_stores import VectorStoreSettings
from ragline.settings.working import WorkingSettings
from ragline.settings.zotero import ZoteroSettings


class Settings(
    BaseSettings,
    ImportSettings,
    KeepingSettings,
    WorkingSettings,
    ReadingSettings,
    OCRSettings,
    CachingSettings,
    CleaningSettings,
    ImageSettings,
    EdgeSettings,
    EmbedderSettings,
    IndexSettings,
    ModelSettings,
    ReembeddingSettings,
    RerankingSettings,
    VectorStoreSettings,
    ZoteroSettings,
    ReferenceSettings,
    ServerSettings,
):
    """Every setting with a default that works on a laptop."""

    model_config = SettingsConfigDict(env_prefix="RAGLINE_", env_file=".env", extra="ignore")

    @property
    def files_dir(self) -> Path:
        """Folder of stored files, named by content hash."""
        return self.data_dir / "files"

    @property
    def index_dir(self) -> Path:
        """Folder of the embedded vector store."""
        return self.data_dir / "index"

    @property
    def key_file(self) -> Path:
        """File that keeps the first owner's key, readable by its owner only."""
        return self.data_dir / "api_key"

    @property
    def vector_store_name(self) -> str:
        """The vector store in use: the one that was set, or the one that fits the database."""
        if self.vector_store is not None:
            return self.vector_store
        return "qdrant_edge" if self.sqlalchemy_url.startswith("sqlite") else "pgvector"

    @property
    def answer_cache_name(self) -> str:
        """The cache of answers in use."""
        return "database" if self.cache_url is None else "valkey"

    @property
    def sqlalchemy_url(self) -> str:
        """The database in use: the one that was set, or SQLite in the data directory."""
        return self.database_url or f"sqlite:///{self.data_dir / 'ragline.db'}"


def load_settings(**overrides: object) -> Settings:
    """Read the settings; an invalid one raises `ConfigurationError` that names it."""
    try:
        return Settings(**overrides)  # type: ignore[arg-type]  # overrides are validated here
    except ValidationError as error:
        first = error.errors()[0]
        name, *within = map(str, first["loc"])
        where = f" at {'.'.join(within)}" if within else ""
        raise ConfigurationError(
            f"The setting RAGLINE_{name.upper()} is not valid{where}: {first['msg']}. "
            "Correct it and start again."
        ) from None
    except SettingsError as error:
        # Its words name the field in quotes; the value, which may hold a key, is not repeated.
        name = str(error).partition('"')[2].partition('"')[0]
        raise ConfigurationError(
            f"The setting RAGLINE_{name.upper()} is no valid JSON. Correct it and start again."
        ) from None
