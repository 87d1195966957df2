"""Real exports, tables and PDFs through an import."""

from __future__ import annotations

import unicodedata
from collections import Counter
from pathlib import Path

import pytest
from tests.imports.importing import documents, imported
from tests.imports.packing import export, packed, zotero_item
from tests.inprocess import Tenant

from ragline.imports.kinds import HEAD_BYTES, kind_of
from ragline.imports.manifest import read_manifest, write_manifest
from ragline.imports.pool import Inputs, PoolFile

pytestmark = pytest.mark.data


def real_pdfs(test_data: Path, count: int) -> list[bytes]:
    """Return small real PDFs."""
    found = sorted((test_data / "pdfs").glob("*_digital/*.pdf"), key=lambda p: p.stat().st_size)
    return [path.read_bytes() for path in found[:count]]


def test_every_real_export_is_listed(test_data: Path, tmp_path: Path) -> None:
    """No export of the collection stops an import; what cannot be taken is named."""
    kinds: Counter[str] = Counter()
    unnamed = []
    for path in sorted((test_data / "zotero").rglob("*")):
        if not path.is_file():
            continue
        kind = kind_of(path.read_bytes()[:HEAD_BYTES], path.name)
        kinds[kind.name] += 1
        pool = [PoolFile(path.name, kind, {"blob": "a"}, path.stat().st_size)]
        manifest = tmp_path / "manifest"
        totals = write_manifest(Inputs(pool, {"a": path}, None), tmp_path, manifest, 100_000)
        part = read_manifest(manifest, 0, most_items=100_000, most_bytes=2**40)
        assert totals == (len(part.items), len(part.warnings))
        unnamed += [each for each in part.warnings if not each.item or not each.message]

    assert [] == unnamed
    assert {"references": 496, "document": 2, "table": 1} == kinds


def test_real_exports_become_documents(tenant: Tenant, test_data: Path) -> None:
    """Several real exports in one archive are one import."""
    project = tenant.project()
    every = sorted((test_data / "zotero/better_bibtex_json").glob("*.json"))
    names = [p for p in every if p.stat().st_size < 9000 and "abstractNote" in p.read_text()][:5]

    job = imported(tenant, project, ("all.zip", packed({p.name: p.read_bytes() for p in names})))

    assert "completed" == job["status"], job["error"]
    assert job["result"]["completed"] == len(documents(tenant, project)) >= 5


def test_real_pdfs_are_found_under_accented_names(tenant: Tenant, test_data: Path) -> None:
    """Names in another Unicode form, without accents or with a typo are found, folders kept."""
    first, second, third = real_pdfs(test_data, 3)
    project = tenant.project()
    library = export(
        zotero_item("AAAA1111", "Premier", "files/12/Médiévistique & numérique.pdf"),
        zotero_item("BBBB2222", "Second", "files/13/Société générale.pdf"),
        zotero_item("CCCC3333", "Third", "files/14/Annual report 2019.pdf"),
        zotero_item("DDDD4444", "Gone", "files/15/disparu à jamais.pdf"),
    )
    archive = packed(
        {
            "Ma bibliothèque.json": library,
            unicodedata.normalize("NFD", "files/12/Médiévistique & numérique.pdf"): first,
            "files/13/Societe_generale.pdf": second,
            "files/14/Anual report 2019.pdf": third,
        }
    )

    job = imported(tenant, project, ("Ma bibliothèque.zip", archive))

    found = {key[-8:]: each["filename"] for key, each in documents(tenant, project).items()}
    assert {"AAAA1111", "BBBB2222", "CCCC3333"} == set(found)
    assert 3 == job["result"]["completed"]
    missing = [each for each in job["warnings"] if each["code"] == "missing-file"]
    assert ["Gone"] == [each["item"] for each in missing]
    assert "disparu à jamais.pdf" in missing[0]["message"]


def test_real_table_becomes_documents(tenant: Tenant, test_data: Path) -> None:
    """Each row of a former system's table is a document."""
    project = tenant.project()
    content = (test_data / "zotero/ragpy/test_documents.csv").read_bytes()

    job = imported(tenant, project, ("test_documents.csv", content))

    assert job["result"]["completed"] == len(documents(tenant, project)) > 3
