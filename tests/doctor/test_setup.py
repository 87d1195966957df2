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


def test_an_index_past_its_size(
    server: InProcessServer, tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Too many chunks in the embedded index are told, with what to do."""
    tenant.ingest_text(tenant.project(), "A lighthouse keeper counts the ships that pass by.")
    monkeypatch.setattr(setup, "MOST_EDGE_CHUNKS", 0)

    (found,) = (each for each in setup.look(server.runtime) if each.kind == "index-too-large")

    assert found.count == server.runtime.vector_store.count() > 0
    assert "ragline reembed" in found.message
