"""Which better model a project gets."""

from __future__ import annotations

import dataclasses

import pytest
from tests.inprocess import InProcessServer, Tenant

from ragline.bootstrap import Runtime
from ragline.indexes.better import better_spec, chosen_better, language_of, may_have_better
from ragline.models import Project, VectorIndex

FRENCH = "Le héron cendré niche dans les grands arbres au bord de la rivière depuis des siècles."
ENGLISH = "The grey heron nests in the tall trees beside the river, and has for centuries."


@pytest.fixture
def runtime(server: InProcessServer) -> Runtime:
    """Return the server's runtime with better vectors of the fast model's own kind."""
    before = server.runtime.settings
    changes = {"better_vectors": "idle", "better_embedders": {"fr": "use", "*": "missing"}}
    return dataclasses.replace(
        server.runtime, settings=before.model_copy(update=changes), kept=server.runtime.kept
    )


def test_the_language_is_the_one_the_project_says(runtime: Runtime, tenant: Tenant) -> None:
    """A project's own word counts more than its documents."""
    place = tenant.project(language="de")
    tenant.ingest_text(place, FRENCH)

    with runtime.database.read() as session:
        assert "de" == language_of(session, session.get_one(Project, place))


def test_else_it_is_that_of_most_first_documents(runtime: Runtime, tenant: Tenant) -> None:
    """Without a word of its own, a project has the language of most of its documents."""
    place = tenant.project()
    for number in range(2):
        tenant.ingest_text(place, f"{FRENCH} Chapitre {number}.")
    tenant.ingest_text(place, ENGLISH)

    with runtime.database.read() as session:
        assert "fr" == language_of(session, session.get_one(Project, place))


def test_a_model_for_all_other_languages_may_be_named(runtime: Runtime) -> None:
    """A language that has no model of its own gets the one for all."""
    assert ("use", "missing", "missing") == (
        better_spec(runtime, "fr"),
        better_spec(runtime, "fi"),
        better_spec(runtime, None),
    )


def test_a_model_that_is_missing_is_not_recorded(runtime: Runtime, tenant: Tenant) -> None:
    """Where the better model cannot work, the project stays free to get one later."""
    place = tenant.project()
    with runtime.database.write() as session:
        project = session.get_one(Project, place)
        chosen = chosen_better(runtime, session, project)

        assert (None, None) == (chosen, project.better_index_id)


def test_a_project_records_the_index_it_was_made_with(runtime: Runtime, tenant: Tenant) -> None:
    """What a project is searched with is said in its row from the beginning."""
    place = tenant.project()
    with runtime.database.read() as session:
        project = session.get_one(Project, place)
        row = session.get_one(VectorIndex, project.index_id)

    assert ("use", None, True) == (row.embedder, row.collection, row.with_words)
    assert row.embedder_name == runtime.embedder.name
    assert may_have_better(runtime, project)
