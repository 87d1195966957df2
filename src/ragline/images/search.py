"""A picture, words or both to ranked products."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from ragline.accounts.ownership import owned_project
from ragline.accounts.service import Caller
from ragline.bootstrap import Runtime
from ragline.errors import InvalidInput
from ragline.images import keys, ranking
from ragline.images.parts import NoImageModel, Parts, parts_of, point_id
from ragline.images.pictures import HEAD_BYTES
from ragline.images.reading import thumbnail_url
from ragline.images.search_schemas import ProductHit, ProductScores, SearchFields, Weights
from ragline.images.storing import media_type_of
from ragline.jobs.turnstile import Turnstile, patience
from ragline.language.detect import detect_language
from ragline.language.lexical import lexical_vector_of_query
from ragline.models import ImageEmbedding, ProductImage, ProductImageVersion
from ragline.providers.contracts import Filter, Match, Vectors, VectorStore

# Candidates of each way of searching.
CANDIDATES = 100
LONGEST_WAIT_SECONDS = 10.0
BY_PICTURE = Weights(image=1)
BY_WORDS = Weights(image=0.4, text=0.3, keywords=0.3)
BY_BOTH = Weights(image=0.6, text=0.2, keywords=0.2)


@dataclass(frozen=True, slots=True)
class Asked:
    """A search: what is looked for, where, and among what."""

    query: str | None
    picture: bytes | None
    weights: Weights
    tenant_id: str
    project_id: str
    filter: Filter | None
    depth: int


def search_products(
    runtime: Runtime,
    caller: Caller,
    project_id: str,
    fields: SearchFields,
    picture: bytes | None,
) -> list[ProductHit]:
    """Return the best of a project's searchable products, best first.

    Without an image model products are found by the query's words alone.

    Raises `InvalidInput` where there is nothing to look for, and `NoImageModel` for a picture
    that nothing here looks at.
    """
    asked = _asked(runtime, caller, project_id, fields, picture)
    with runtime.database.read() as session:
        owned_project(session, caller.tenant_id, project_id)
        if session.scalar(_HAS_ANY, {"of_project": project_id}) is None:
            return []
    found = _parts(runtime, parts_of(runtime), asked)
    weights = {part: float(getattr(asked.weights, part)) for part in found}
    if not any(weights.values()):
        raise InvalidInput(
            "None of the parts with a weight can be asked for: `text` and `keywords` need a query, "
            "`image` a picture, or a query and an image model on the server."
        )
    points = [each for part in found.values() for each in part.ids]
    scores = {part: each.scores for part, each in found.items()}
    ranked = ranking.fuse(scores, weights, point_ids=points)
    documents = {each: name for part in found.values() for each, name in part.ids.items()}
    return _hits(runtime, project_id, ranked, documents)[: fields.limit]


@dataclass(frozen=True, slots=True)
class _Part:
    """What one way of searching gives: scores (0 to 1) by point, and whose the points are."""

    scores: Mapping[str, float]
    ids: Mapping[str, str]


def _asked(
    runtime: Runtime,
    caller: Caller,
    project_id: str,
    fields: SearchFields,
    picture: bytes | None,
) -> Asked:
    if picture is None and fields.query is None:
        raise InvalidInput("Send an image, a query, or both.")
    if picture is not None and not parts_of(runtime).has_model:
        raise NoImageModel
    usual = BY_WORDS if picture is None else BY_PICTURE if fields.query is None else BY_BOTH
    return Asked(
        query=fields.query,
        picture=picture,
        weights=fields.weights or usual,
        tenant_id=caller.tenant_id,
        project_id=project_id,
        filter=fields.filter.to_filter() if fields.filter else None,
        depth=max(CANDIDATES, 2 * fields.limit),
    )


def _parts(runtime: Runtime, parts: Parts, asked: Asked) -> dict[str, _Part]:
    """Search in each way that is asked for, then learn the other ways' scores of what was found."""
    found: dict[str, _Part] = {}
    finish: list[Callable[[Mapping[str, str]], tuple[str, _Part]]] = []
    if asked.weights.image and parts.has_model:
        ends = (
            parts.facts.calibration.texts
            if asked.picture is None
            else (parts.facts.calibration.images)
        )
        vector = _image_vector(runtime, parts, asked)
        finish.append(_dense(parts.pictures, "image", vector, ends, asked))
    if asked.weights.text and asked.query is not None:
        known = runtime.embedder.calibration
        vector = runtime.embedder.embed_query(asked.query)
        finish.append(_dense(parts.words, "text", vector, (known.floor, known.ceiling), asked))
    if asked.weights.keywords and asked.query is not None:
        found["keywords"] = _lexical(parts.words, asked.query, asked)
    # First all candidates, then what each way says of those that only another one found.
    first = [each({}) for each in finish]
    candidates = {
        point: name
        for part in (*found.values(), *(part for _, part in first))
        for point, name in part.ids.items()
    }
    return dict(each(candidates) for each in finish) | found


def _dense(
    store: VectorStore, name: str, vector: Vectors, ends: tuple[float, float], asked: Asked
) -> Callable[[Mapping[str, str]], tuple[str, _Part]]:
    """Return what gives a way's part, with the scores of candidates that others found."""
    matches = store.search_dense(
        vector, project_id=asked.project_id, filter=asked.filter, limit=asked.depth
    )
    cosines = {match.chunk_id: match.score for match in matches}

    def part(candidates: Mapping[str, str]) -> tuple[str, _Part]:
        others = [each for each in candidates if each not in cosines]
        known = cosines | store.similarities(vector, others, project_id=asked.project_id)
        scores = {each: ranking.on_scale(cosine, ends) for each, cosine in known.items()}
        return name, _Part(scores, _owners(matches))

    return part


def _lexical(store: VectorStore, query: str, asked: Asked) -> _Part:
    # Too short to be sure of their languages, names are searched in all of them.
    words = lexical_vector_of_query(query, detect_language(query))
    matches = store.search_lexical(
        words, project_id=asked.project_id, filter=asked.filter, limit=asked.depth
    )
    return _Part(
        ranking.shares({match.chunk_id: match.score for match in matches}), _owners(matches)
    )


def _owners(matches: list[Match]) -> dict[str, str]:
    return {match.chunk_id: match.document_id for match in matches}


def _image_vector(runtime: Runtime, parts: Parts, asked: Asked) -> Vectors:
    turnstile = Turnstile(patience(LONGEST_WAIT_SECONDS))
    if asked.picture is None:
        assert asked.query is not None, "one of the two is there"
        return parts.embed_text(asked.query, turnstile)
    return _vector_of(runtime, parts, asked.picture, asked.tenant_id, turnstile)


def _vector_of(
    runtime: Runtime, parts: Parts, picture: bytes, tenant_id: str, turnstile: Turnstile
) -> Vectors:
    """Return a picture's vector; a picture that a product has is not embedded again."""
    most = runtime.settings.image_max_bytes
    media_type = media_type_of(picture[:HEAD_BYTES], len(picture), most_bytes=most)
    key = keys.picture_key(tenant_id, parts.facts.name, keys.digest_of(picture))
    with runtime.database.read() as session:
        stored = session.get(ImageEmbedding, key)
    if stored is not None:
        return keys.vector_of(stored.vector)
    return parts.embed_picture(picture, media_type, turnstile, owner=None)


def _hits(
    runtime: Runtime,
    project_id: str,
    ranked: list[ranking.Ranked],
    documents: Mapping[str, str],
) -> list[ProductHit]:
    """Return those that are published, in order."""
    values = {"of_project": project_id, "ids": sorted(set(documents.values()))}
    with runtime.database.read() as session:
        rows = session.execute(_PUBLISHED, values).all()
    shown = {point_id(row.image_id, row.version): row for row in rows}
    return [
        _hit(project_id, each, shown[each.point_id]) for each in ranked if each.point_id in shown
    ]


def _hit(project_id: str, ranked: ranking.Ranked, row: Any) -> ProductHit:
    rounded = {
        part: None if value is None else round(value, 6) for part, value in ranked.scores.items()
    }
    return ProductHit(
        product_id=row.product_id,
        name=row.name,
        description=row.description,
        score=round(ranked.score, 6),
        scores=ProductScores(**rounded),
        metadata=row.metadata,
        thumbnail_url=(
            thumbnail_url(project_id, row.product_id) if row.thumbnail_hash is not None else None
        ),
    )


_HAS_ANY = (
    sa.select(ProductImage.id)
    .where(
        ProductImage.project_id == sa.bindparam("of_project"),
        ProductImage.published_version.is_not(None),
    )
    .limit(1)
)
_PUBLISHED = (
    sa.select(
        ProductImage.product_id,
        ProductImageVersion.image_id,
        ProductImageVersion.version,
        ProductImageVersion.name,
        ProductImageVersion.description,
        ProductImageVersion.metadata_.label("metadata"),
        ProductImageVersion.thumbnail_hash,
    )
    .join(ProductImageVersion, ProductImageVersion.image_id == ProductImage.id)
    .where(
        ProductImage.id.in_(sa.bindparam("ids", expanding=True)),
        ProductImage.project_id == sa.bindparam("of_project"),
        ProductImageVersion.version == ProductImage.published_version,
    )
)
