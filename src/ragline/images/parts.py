"""What images need of a process: the model, wherever it computes, and their two indexes.

Pictures and words have a collection each; a product's version is a point of the same id in both.
"""

from __future__ import annotations

import hashlib
import threading
import uuid
from pathlib import Path

import sqlalchemy as sa

from ragline.bootstrap import Runtime
from ragline.compute.pool import Owner
from ragline.database import insert_missing
from ragline.errors import ConfigurationError, RaglineError
from ragline.images import children
from ragline.images.children import Facts
from ragline.jobs.turnstile import Turnstile
from ragline.models import ImageCollection
from ragline.providers import registry
from ragline.providers.contracts import (
    CountedImageEmbedder,
    ImageEmbedder,
    Usage,
    Vectors,
    VectorStore,
)

_PARTS = "images"


class NoImageModel(RaglineError):
    """No model looks at pictures here."""

    status = 409
    slug = "image-model-missing"
    title = "No image model"

    def __init__(self) -> None:
        super().__init__(
            "No image model is set up on this server, and no weights come with it, so it takes no "
            "pictures. Its operator sets RAGLINE_IMAGE_EMBEDDER to `clip` and RAGLINE_CLIP_PATH "
            "to a folder with an ONNX export of CLIP or SigLIP (`optimum-cli export onnx --model "
            "openai/clip-vit-base-patch32 --task zero-shot-image-classification clip/` makes "
            "one), or RAGLINE_IMAGE_EMBEDDER to `openai` and RAGLINE_IMAGE_OPENAI_BASE_URL to a "
            "server of embeddings. Products that are there are still found by their words."
        )


class Parts:
    """Model and indexes, each made ready when it is first needed; safe to use from threads."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._settings = runtime.settings
        self._lock = threading.RLock()
        self._facts: Facts | None = None
        self._remote: ImageEmbedder | None = None
        self._stores: dict[str, VectorStore] = {}
        runtime.on_close(self.close)

    @property
    def has_model(self) -> bool:
        """Whether the settings name a model."""
        return self._settings.image_embedder is not None

    @property
    def facts(self) -> Facts:
        """What the model is; raises `NoImageModel` without one."""
        name = self._settings.image_embedder
        if name is None:
            raise NoImageModel
        with self._lock:
            if self._facts is None:
                self._facts = self._found_out(name)
            return self._facts

    @property
    def pictures(self) -> VectorStore:
        """The index of pictures, by the present model's vectors."""
        return self._opened(f"images_{_short(self.facts.name)}", self.facts.dimensions)

    @property
    def words(self) -> VectorStore:
        """The index of names and descriptions."""
        embedder = self._runtime.embedder
        return self._opened(f"products_{_short(embedder.name)}", embedder.dimensions)

    def every_index(self) -> list[VectorStore]:
        """Return all indexes that may hold something, those of earlier models included."""
        with self._runtime.database.read() as session:
            known = session.execute(sa.select(ImageCollection.name, ImageCollection.dimensions))
            collections = list(known)
        return [self._opened(name, dimensions) for name, dimensions in collections]

    def embed_picture(
        self, source: Path | bytes, media_type: str, turnstile: Turnstile, *, owner: Owner | None
    ) -> Vectors:
        """Return a picture's vector."""
        return self.embed_counted(source, media_type, turnstile, owner=owner)[0]

    def embed_counted(
        self, source: Path | bytes, media_type: str, turnstile: Turnstile, *, owner: Owner | None
    ) -> tuple[Vectors, Usage | None]:
        """Return a picture's vector, and what a server counted for it, if it says so.

        It is decoded in a child whoever the model is.
        """
        compute, settings = self._runtime.compute, self._settings
        limits, most = children.limits(settings), most_pixels(self._runtime)
        if self.facts.provider is None:
            here: Vectors = compute.run(
                children.embed_picture,
                settings,
                source,
                media_type,
                most,
                limits=limits,
                owner=owner,
            )
            return here, None
        picture = compute.run(children.decode, source, media_type, most, limits=limits, owner=owner)
        with turnstile.gate(self._runtime, self.facts.provider, has_others=False):
            server = self._server()
            if isinstance(server, CountedImageEmbedder):
                vectors, usage = server.embed_counted([picture])
                return vectors[0], usage
            return server.embed_images([picture])[0], None

    def embed_text(self, text: str, turnstile: Turnstile) -> Vectors:
        """Return the vector of a text among pictures."""
        if self.facts.provider is None:
            return self._runtime.compute.run(
                children.embed_text, self._settings, text, limits=children.limits(self._settings)
            )
        with turnstile.gate(self._runtime, self.facts.provider, has_others=False):
            return self._server().embed_text(text)

    def close(self) -> None:
        """Release what was opened; closing twice is allowed."""
        with self._lock:
            for store in self._stores.values():
                store.close()
            if self._remote is not None:
                self._remote.close()
            self._stores.clear()

    def _found_out(self, name: str) -> Facts:
        adapter = registry.load("ragline.image_embedders", name)
        if adapter.provider is None:
            limits = children.limits(self._settings)
            return self._runtime.compute.run(children.facts, self._settings, limits=limits)
        server = self._server()
        return Facts(server.name, server.provider, server.dimensions, server.calibration)

    def _server(self) -> ImageEmbedder:
        with self._lock:
            if self._remote is None:
                assert self._settings.image_embedder is not None, "asked where one is set"
                self._remote = registry.image_embedder(
                    self._settings.image_embedder, self._settings
                )
            return self._remote

    def _opened(self, collection: str, dimensions: int) -> VectorStore:
        with self._lock:
            store = self._stores.get(collection)
            if store is None:
                # Noted first: whatever is in an index, its deletion finds the index.
                with self._runtime.database.write() as session:
                    row = {"name": collection, "dimensions": dimensions}
                    insert_missing(session, ImageCollection, [row])
                store = self._stores[collection] = registry.vector_store(
                    self._settings.vector_store_name,
                    self._settings,
                    dimensions=dimensions,
                    collection=collection,
                    database=self._runtime.database,
                )
            return store


def parts_of(runtime: Runtime) -> Parts:
    """Return the parts of this process."""
    found = runtime.kept.get(_PARTS)
    if found is None:
        # Of two made at once one is kept; neither has opened anything yet.
        found = runtime.kept.setdefault(_PARTS, Parts(runtime))
    assert isinstance(found, Parts)
    return found


def point_id(image_id: str, version: int) -> str:
    """Return the id of a product's version in both indexes, the same on every run."""
    return str(uuid.uuid5(uuid.UUID(image_id), f"product/{version}"))


def most_pixels(runtime: Runtime) -> int:
    """Return how many pixels a picture may have by its header."""
    return round(runtime.settings.image_max_megapixels * 1_000_000)


def check(runtime: Runtime) -> None:
    """Load the model once, so that a fault in it stops the start; raise `ConfigurationError`."""
    parts = parts_of(runtime)
    if not parts.has_model:
        return
    try:
        _ = parts.pictures
    except ConfigurationError:
        raise
    except RaglineError as error:
        raise ConfigurationError(
            f"The image model of RAGLINE_IMAGE_EMBEDDER cannot be used: {error.message}"
        ) from error


def _short(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()[:12]
