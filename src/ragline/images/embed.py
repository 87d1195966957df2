"""Step 2: picture and words become vectors, each stored under the key of its exact inputs.

A picture that this model has seen for the tenant is not embedded again, whatever product it is
of; so a change of a product's words costs nothing at the image model.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import sqlalchemy as sa

from ragline.bootstrap import Runtime
from ragline.database import insert_missing
from ragline.errors import TemporaryProviderError
from ragline.failpoints import failpoint
from ragline.images import children, keys
from ragline.images.children import Embedded
from ragline.images.look import STEPS, UNIT
from ragline.images.parts import most_pixels, parts_of
from ragline.images.subject import Subject, load_subject
from ragline.indexes.embedding import embed_group, paid_embedding
from ragline.jobs import service as jobs
from ragline.jobs.costs import note_paid
from ragline.jobs.turnstile import turnstile_of
from ragline.models import ImageEmbedding
from ragline.providers.contracts import Vectors


class Wanted(NamedTuple):
    """The keys of both vectors, the words, and which of the keys are stored."""

    picture: str
    words: str
    text: str
    stored: frozenset[str]


def embed(runtime: Runtime, job_id: str) -> int:
    """Store the vectors that are missing and return their number; a second run finds them."""
    subject = load_subject(runtime, job_id)
    wanted, paid = _wanted(runtime, subject), list[dict[str, Any]]()
    found = _computed_here(runtime, subject, wanted)
    if wanted.picture not in wanted.stored and found.picture is None:
        picture, paid = _asked_for(runtime, subject)
        found = found._replace(picture=picture)
    if wanted.words not in wanted.stored and found.words is None:
        found = found._replace(words=_words_asked_for(runtime, subject, wanted))
    failpoint("image.embedded")
    # A database that is away must not make the step begin anew: the vector is paid for.
    made = runtime.engine.patiently(_store, runtime, subject, wanted, found, paid)
    failpoint("image.stored")
    return made


def _wanted(runtime: Runtime, subject: Subject) -> Wanted:
    with runtime.database.read() as session:
        version = subject.version_in(session)
        text = keys.words_of(version.name, version.description)
        model = parts_of(runtime).facts.name
        picture = keys.picture_key(subject.tenant_id, model, subject.content_hash)
        words = keys.words_key(subject.tenant_id, runtime.embedder.name, text)
        stored = frozenset(session.scalars(_STORED, {"of_keys": [picture, words]}))
    return Wanted(picture, words, text, stored)


def _computed_here(runtime: Runtime, subject: Subject, wanted: Wanted) -> Embedded:
    """Embed the words, and the picture where its model computes here, in one child."""
    is_local = parts_of(runtime).facts.provider is None
    settings = runtime.settings
    with runtime.blobs.local(subject.content_hash) as path:
        return runtime.compute.run(
            children.embed_product,
            settings,
            path if is_local and wanted.picture not in wanted.stored else None,
            subject.media_type,
            most_pixels(runtime),
            wanted.text,
            wanted.words not in wanted.stored and runtime.embedder.provider is None,
            limits=children.limits(settings),
            owner=subject.owner,
        )


def _asked_for(runtime: Runtime, subject: Subject) -> tuple[Vectors, list[dict[str, Any]]]:
    """Have a server embed the picture, within its limits; return what was paid for it too."""
    turnstile = turnstile_of(runtime, subject.job_id, subject.workflow_id)
    with runtime.blobs.local(subject.content_hash) as path:
        parts = parts_of(runtime)
        vector, usage = parts.embed_counted(
            path, subject.media_type, turnstile, owner=subject.owner
        )
    if usage is None:
        return vector, []
    return vector, [paid_embedding(runtime, subject.job_id, parts.facts.provider, usage)]


def _words_asked_for(runtime: Runtime, subject: Subject, wanted: Wanted) -> Vectors:
    """Have a service embed the words, within its limits; what it gives is kept at once."""
    turnstile = turnstile_of(runtime, subject.job_id, subject.workflow_id)
    [part] = embed_group(
        runtime,
        runtime.settings.own_embedder,
        [wanted.text],
        turnstile,
        check=lambda: _check_wanted(runtime, subject),
    )
    vector: Vectors = part.vectors[0]
    if part.paid is not None:
        paid = paid_embedding(runtime, subject.job_id, runtime.embedder.provider, part.paid)
        runtime.engine.patiently(_keep_words, runtime, subject, wanted, vector, paid)
    return vector


def _check_wanted(runtime: Runtime, subject: Subject) -> None:
    with runtime.database.read() as session:
        subject.job_in(session)


def _keep_words(
    runtime: Runtime, subject: Subject, wanted: Wanted, vector: Vectors, paid: dict[str, Any]
) -> None:
    with runtime.database.write() as session:
        row = {"key": wanted.words, "vector": vector.astype("<f4").tobytes()}
        insert_missing(session, ImageEmbedding, [row])
        note_paid(session, subject.job_id, [paid])


def _store(
    runtime: Runtime,
    subject: Subject,
    wanted: Wanted,
    found: Embedded,
    paid: list[dict[str, Any]],
) -> int:
    vectors = {wanted.picture: found.picture, wanted.words: found.words}
    rows = [
        {"key": key, "vector": vector.astype("<f4").tobytes()}
        for key, vector in sorted(vectors.items())
        if vector is not None
    ]
    with runtime.database.write() as session:
        job = subject.job_in(session)
        insert_missing(session, ImageEmbedding, rows)
        note_paid(session, job.id, paid)
        version = subject.version_in(session)
        version.image_key, version.text_key = wanted.picture, wanted.words
        version.language = found.language
        held = set(session.scalars(_HELD, {"of_keys": list(vectors)}))
        if held != set(vectors):
            # Another product's deletion took it between the look and now.
            raise TemporaryProviderError("A stored vector is gone; it will be made again.")
        jobs.advance(session, job, done=2, total=STEPS, unit=UNIT, event="job.progress")
    return len(rows)


_of_keys = ImageEmbedding.key.in_(sa.bindparam("of_keys", expanding=True))
_STORED = sa.select(ImageEmbedding.key).where(_of_keys)
# Locked, so that nothing removes them as unused before the version refers to them.
_HELD = _STORED.order_by(ImageEmbedding.key).with_for_update(key_share=True)
