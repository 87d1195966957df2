"""`ragline eval DIR --project NAME`: what a server finds, measured."""

from __future__ import annotations

import json
from pathlib import Path

from tests.cli.conftest import Ragline
from tests.cli.test_evaluation import small_folder
from tests.inprocess import Tenant

TEXTS = {
    "t": "La tortue géante vit sur une île, loin de la côte.",
    "v": "Le violon est un instrument à cordes frottées.",
}


def test_a_project_of_the_server(ragline: Ragline, tenant: Tenant, tmp_path: Path) -> None:
    """Its documents are known by their external ids; the one that answers is the first."""
    project = tenant.project("animaux")
    for external_id, text in TEXTS.items():
        tenant.ingest_text(project, text, external_id=external_id)

    told = ragline("eval", small_folder(tmp_path), "--project", "animaux", "--json")

    found = json.loads(told.stdout)
    assert (found["collection"], found["documents"], found["queries"]) == ("animaux", 2, 1)
    assert found["ndcg_at_10"] == found["mrr"] == 1.0


def test_an_answer_that_is_not_there(ragline: Ragline, tenant: Tenant, tmp_path: Path) -> None:
    """A question whose document is another one than those found counts nothing."""
    project = tenant.project("musique")
    tenant.ingest_text(project, TEXTS["v"], external_id="v")
    folder = small_folder(tmp_path)
    (folder / "qrels.tsv").write_text("query-id\tcorpus-id\tscore\nq\tt\t1\nq\tv\t0\n")

    told = ragline("eval", folder, "--project", "musique", "--json")

    assert json.loads(told.stdout)["ndcg_at_10"] == 0.0


def test_a_project_without_these_documents(
    ragline: Ragline, tenant: Tenant, tmp_path: Path
) -> None:
    """A project in which nothing bears the names of the relevances is refused."""
    project = tenant.project("autre")
    tenant.ingest_text(project, "Une tortue sans nom.")

    told = ragline("eval", small_folder(tmp_path), "--project", "autre")

    assert told.exit_code == 1
    assert "external_id must be the document ids of qrels.tsv" in " ".join(told.stderr.split())
