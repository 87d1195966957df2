"""The doctor looks at the settings and at the size of the embedded index."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.inprocess import InProcessServer, Tenant

from ragline import bootstrap
from ragline.bootstrap import Runtime
from ragline.doctor import setup
from ragline.settings import load_settings


@pytest.fixture
def mistaken(tmp_path: Path) -> Iterator[Runtime]:
    """A runtime whose image model is none."""
    settings = load_settings(
        _env_file=None, data_dir=tmp_path, better_vectors="off", image_embedder="kodak"
    )
    runtime = bootstrap.build(settings)
    yield runtime
    runtime.close()


def test_what_works_is_not_told(server: InProcessServer) -> None:
    """Settings with which the server runs are no difference."""
    assert [] == [each for each in setup.look(server.runtime) if each.kind == "setting"]


def test_a_model_that_nobody_has(mistaken: Runtime) -> None:
    """A setting that names nothing is told with its reason, and nothing else is."""
    (found,) = setup.look(mistaken)

    assert ("setting", False) == (found.kind, found.repairable)
    assert "RAGLINE_IMAGE_EMBEDDER" in found.message
    assert "kodak" in found.message


def test_a_project_past_the_size_of_an_index(
    server: InProcessServer, tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Too many chunks of one project in the embedded index are told, with what to do."""
    small, large = tenant.project("small"), tenant.project("large")
    tenant.ingest_text(small, "A lighthouse keeper counts the ships that pass by.")
    for name in ("gulls", "seals"):
        tenant.ingest_text(large, f"A lighthouse keeper has a book on {name}.")
    monkeypatch.setattr(setup, "MOST_EDGE_CHUNKS", 1)

    told = {
        each.project_id: each
        for each in setup.look(server.runtime)
        if each.kind == "index-too-large"
    }

    assert small not in told
    assert 2 == told[large].count
    assert "ragline reembed" in told[large].message


def test_the_size_of_an_index_elsewhere(
    server: InProcessServer, tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Chunks that the embedded index does not hold are none of its size."""
    project = tenant.project("elsewhere")
    for name in ("owls", "bats"):
        tenant.ingest_text(project, f"A lighthouse keeper has a song about {name}.")
    server.runtime.vector_store.delete_project(project)
    monkeypatch.setattr(setup, "MOST_EDGE_CHUNKS", 1)

    told = {each.project_id for each in setup.look(server.runtime)}

    assert project not in told
