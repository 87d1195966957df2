"""Settings that cannot work, models whose packages are missing, and indexes past their size."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import sqlalchemy as sa

from ragline.bootstrap import Runtime
from ragline.doctor.differences import Difference
from ragline.errors import RaglineError
from ragline.images.parts import parts_of
from ragline.models import Chunk, Document, Project, VectorIndex
from ragline.settings.embedders import AUTO, FASTEST

EDGE = "qdrant_edge"
MOST_EDGE_CHUNKS = 300_000
"""Chunks of a project for which the server stops for two seconds when their index is replaced."""


def look(runtime: Runtime) -> Iterator[Difference]:
    """Try what the settings name; nothing is asked of a paid service but one short embedding."""
    for name, attempt in _attempts(runtime).items():
        yield from _tried(name, attempt)
    yield from _better_model(runtime)
    yield from _size(runtime)


def _attempts(runtime: Runtime) -> dict[str, Callable[[], object]]:
    """Return what must work, by what a sentence calls it."""
    attempts: dict[str, Callable[[], object]] = {
        "The model that embeds passages (RAGLINE_EMBEDDER)": lambda: runtime.embedder.embed_query(
            "Is this model there?"
        ),
        "The vector store (RAGLINE_VECTOR_STORE)": lambda: runtime.vector_store.count(),
        "The models that answer (RAGLINE_LLM)": lambda: runtime.llm,
        "The engines that read scanned pages (RAGLINE_OCR)": lambda: runtime.ocr,
        "The image model (RAGLINE_IMAGE_EMBEDDER)": lambda: _image_model(runtime),
    }
    with runtime.database.read() as session:
        specs = session.scalars(_SPECS).all()
    for spec in sorted(set(specs) - {runtime.settings.own_embedder}):
        attempts[f"The model {spec!r} of an index"] = lambda spec=spec: (  # type: ignore[misc]  # a lambda's default
            runtime.embedder_for(spec).embed_query("Is this model there?")
        )
    return attempts


def _image_model(runtime: Runtime) -> object:
    parts = parts_of(runtime)
    return parts.facts if parts.has_model else None


def _tried(name: str, attempt: Callable[[], object]) -> Iterator[Difference]:
    try:
        attempt()
    except RaglineError as error:
        yield Difference(
            "setting",
            f"{name} cannot be used: {error.message}",
            repairable=False,
        )


def _better_model(runtime: Runtime) -> Iterator[Difference]:
    settings = runtime.settings
    if settings.embedder != AUTO or settings.better_vectors == "off":
        return
    for spec in sorted(set(settings.better_embedders.values()) - {FASTEST}):
        try:
            runtime.embedder_for(spec)
        except RaglineError as error:
            yield Difference(
                "better-model-missing",
                f"Projects are searched with the fast model alone where {spec!r} is the better "
                f"one: {error.message} Or set RAGLINE_BETTER_VECTORS to off.",
                repairable=False,
            )


def _size(runtime: Runtime) -> Iterator[Difference]:
    if runtime.settings.vector_store_name != EDGE:
        return
    with runtime.database.read() as session:
        large = session.scalars(_LARGE, {"most": MOST_EDGE_CHUNKS}).all()
    for project_id in large:
        # Those of some other index may be elsewhere.
        count = runtime.vector_store.count(project_id=project_id)
        if count > MOST_EDGE_CHUNKS:
            yield Difference(
                "index-too-large",
                f"The embedded index holds {count:,} chunks of project {project_id}. Beyond "
                f"{MOST_EDGE_CHUNKS:,} the server stops for seconds whenever their index is "
                "replaced. Move the project to a server: `ragline reembed PROJECT "
                "--vector-store qdrant` (or pgvector).",
                repairable=False,
                project_id=project_id,
                count=count,
            )


_LARGE = (
    sa.select(Document.project_id)
    .join(Chunk, Chunk.document_id == Document.id)
    .group_by(Document.project_id)
    .having(sa.func.count() > sa.bindparam("most"))
    .order_by(Document.project_id)
)

_SPECS = (
    sa.select(VectorIndex.embedder)
    .join(
        Project,
        sa.or_(
            *(
                column == VectorIndex.id
                for column in (
                    Project.index_id,
                    Project.better_index_id,
                    Project.filling_index_id,
                    Project.previous_index_id,
                )
            )
        ),
    )
    .where(Project.deleted_at.is_(None))
    .distinct()
)
