"""Imports from the request to the documents."""

from __future__ import annotations

from typing import Any

import pytest
from tests.imports.importing import documents, imported, send
from tests.imports.packing import export, nested, packed, with_entry, zotero_item
from tests.inprocess import InProcessServer, Tenant

ABSTRACT = "Herons wait in shallow water for fish."
PAPER = "Otters swim upstream at night. They sleep in hollow banks by day."


def warned(job: dict[str, Any]) -> set[tuple[str, str | None]]:
    """Return the warnings of a job by code and item."""
    return {(each["code"], each.get("item")) for each in job["warnings"]}


def stored_files(server: InProcessServer) -> set[str]:
    """Return the names of all stored files."""
    folder = server.runtime.settings.files_dir
    return {path.name for path in folder.rglob("*") if path.is_file()}


def test_archive_becomes_documents(tenant: Tenant) -> None:
    """Every file of an archive becomes a document that is known by its path."""
    project = tenant.project()
    archive = packed({"a/one.txt": "The heron waits.", "two.md": "# Otters\n\nOtters swim."})

    job = imported(tenant, project, ("docs.zip", archive))

    assert "completed" == job["status"], job
    assert {"completed": 2, "items": 2, "new": 2}.items() <= job["result"].items()
    assert {"a/one.txt", "two.md"} == set(documents(tenant, project))


def test_children_are_jobs_of_the_import(tenant: Tenant) -> None:
    """Each document has a job of its own, which the import's job counts."""
    project = tenant.project()

    job = imported(tenant, project, ("docs.zip", packed({"a.txt": "Herons.", "b.txt": "Otters."})))

    children = tenant.http.get("/v1/jobs", params={"parent": job["id"]}).json()["jobs"]
    assert ["ingest", "ingest"] == [child["kind"] for child in children]
    assert {"completed": 2} == job["children"]
    assert {"done": 2, "total": 2, "unit": "documents"} == job["progress"]


def test_what_nothing_reads_is_a_named_warning(tenant: Tenant) -> None:
    """A file that cannot be read is named, and its neighbours go on."""
    archive = packed({"a.txt": "Herons.", "b/model.psd": b"8BPS\0\1", "empty.txt": ""})

    job = imported(tenant, tenant.project(), ("docs.zip", archive))

    assert 1 == job["result"]["new"]
    expected = {("unreadable-type", "b/model.psd"), ("nothing-to-read", "empty.txt")}
    assert expected == warned(job)


def test_importing_again_changes_nothing(tenant: Tenant) -> None:
    """The same archive once more finds its documents and begins no job for them."""
    project = tenant.project()
    files = ("docs.zip", packed({"a.txt": "Herons.", "b.txt": "Otters."}))
    imported(tenant, project, files)
    before = documents(tenant, project)

    job = imported(tenant, project, files)

    assert "completed" == job["status"]
    assert 2 == job["result"]["unchanged"]
    assert {} == (job["children"] or {})
    assert before == documents(tenant, project)


def test_only_what_changed_is_ingested(tenant: Tenant) -> None:
    """Of an archive that is imported again, a changed file becomes a newer version."""
    project = tenant.project()
    imported(tenant, project, ("docs.zip", packed({"a.txt": "Herons.", "b.txt": "Otters."})))
    before = documents(tenant, project)

    job = imported(
        tenant, project, ("docs.zip", packed({"a.txt": "Herons.", "b.txt": "Otters swim at dusk."}))
    )

    after = documents(tenant, project)
    assert {"changed": 1, "unchanged": 1}.items() <= job["result"].items()
    assert before["b.txt"]["id"] == after["b.txt"]["id"]
    assert before["b.txt"]["size_bytes"] != after["b.txt"]["size_bytes"]


def test_library_brings_its_metadata(tenant: Tenant) -> None:
    """A work's file becomes its document, with what the library says of the work."""
    project = tenant.project()
    library = export(zotero_item("AAAA1111", "On otters", "files/1/paper.txt", DOI="10.1/otter"))

    job = imported(
        tenant,
        project,
        ("library.zip", packed({"lib/My.json": library, "lib/files/1/paper.txt": PAPER})),
    )

    assert set() == warned(job)
    found = documents(tenant, project)["zotero:users/123/AAAA1111"]
    assert "On otters" == found["title"]
    expected = {"doi": "10.1/otter", "year": 2021, "authors": ["Doe, Jane"]}
    assert expected.items() <= found["metadata"].items()


def test_metadata_of_a_library_can_be_searched_by(tenant: Tenant) -> None:
    """A search may ask for the works of an author."""
    project = tenant.project()
    library = export(zotero_item("AAAA1111", "On otters", abstractNote=PAPER))
    imported(tenant, project, ("My.json", library.encode()))

    asked = {"type": "eq", "key": "authors", "value": "Doe, Jane"}
    answer = tenant.http.post(
        f"/v1/projects/{project}/search",
        json={"query": "otters at night", "filter": asked},
    )

    assert ["On otters"] == [hit["title"] for hit in answer.json()["hits"]]


def test_missing_file_is_a_warning_and_the_abstract_stands_in(tenant: Tenant) -> None:
    """A work whose file is missing is searchable by its abstract; the file is named."""
    project = tenant.project()
    item = zotero_item("AAAA1111", "On otters", "files/1/paper.pdf", abstractNote=ABSTRACT)

    job = imported(tenant, project, ("My.json", export(item).encode()))

    assert {("missing-file", "On otters")} == warned(job)
    assert "paper.pdf" in job["warnings"][0]["message"]
    assert "text/plain" == documents(tenant, project)["zotero:users/123/AAAA1111"]["media_type"]


def test_file_attached_later_replaces_the_abstract(tenant: Tenant) -> None:
    """Once a work's file appears, the same document has it, in a newer version."""
    project = tenant.project()
    item = zotero_item("AAAA1111", "On otters", "files/1/paper.md", abstractNote=ABSTRACT)
    imported(tenant, project, ("My.json", export(item).encode()))
    before = documents(tenant, project)["zotero:users/123/AAAA1111"]

    job = imported(
        tenant,
        project,
        ("library.zip", packed({"My.json": export(item), "files/1/paper.md": PAPER})),
    )

    after = documents(tenant, project)["zotero:users/123/AAAA1111"]
    assert 1 == job["result"]["changed"]
    assert before["id"] == after["id"]
    assert "paper.md" == after["filename"]


def test_abstract_never_replaces_a_file(tenant: Tenant) -> None:
    """An export without its files leaves the documents that have theirs as they are."""
    project = tenant.project()
    item = zotero_item("AAAA1111", "On otters", "files/1/paper.md", abstractNote=ABSTRACT)
    full = packed({"My.json": export(item), "files/1/paper.md": PAPER})
    imported(tenant, project, ("library.zip", full))

    job = imported(tenant, project, ("My.json", export(item).encode()))

    assert {"unchanged": 1, "missing_files": 1}.items() <= job["result"].items()
    assert "paper.md" == documents(tenant, project)["zotero:users/123/AAAA1111"]["filename"]


def test_work_without_anything_to_read_is_a_warning(tenant: Tenant) -> None:
    """A work with neither file nor abstract becomes no document."""
    project = tenant.project()

    job = imported(tenant, project, ("My.json", export(zotero_item("A1", "Bare")).encode()))

    assert "completed" == job["status"]
    assert {("nothing-to-read", "Bare")} == warned(job)
    assert {} == documents(tenant, project)


def test_further_files_of_a_work_are_documents_too(tenant: Tenant) -> None:
    """A work with two files has two documents; the first bears its own identity."""
    project = tenant.project()
    item = zotero_item("AAAA1111", "On otters", "files/1/paper.md", "files/2/supplement.md")
    files = {"My.json": export(item), "files/1/paper.md": PAPER, "files/2/supplement.md": ABSTRACT}

    imported(tenant, project, ("library.zip", packed(files)))

    own = "zotero:users/123/AAAA1111"
    assert {own, f"{own}/files/2/supplement.md"} == set(documents(tenant, project))


def test_export_and_attachments_may_be_sent_side_by_side(tenant: Tenant) -> None:
    """The files of one request are found for each other, by their relative paths."""
    project = tenant.project()
    item = zotero_item("AAAA1111", "On otters", "files/1/paper.md")

    job = imported(
        tenant,
        project,
        ("My.json", export(item).encode()),
        ("files/1/paper.md", PAPER.encode()),
        ("other/notes.md", ABSTRACT.encode()),
    )

    assert set() == warned(job)
    assert {"zotero:users/123/AAAA1111", "other/notes.md"} == set(documents(tenant, project))


def test_bibtex_library_is_read(tenant: Tenant) -> None:
    """A BibTeX file is a library; its works are known by their citation keys."""
    project = tenant.project()
    entry = "@article{doe2020, title={On otters}, author={Doe, Jane}, abstract={"
    library = entry + ABSTRACT + "}}"

    imported(tenant, project, ("library.bib", library.encode()))

    assert ["citekey:doe2020"] == list(documents(tenant, project))


def test_table_rows_become_documents(tenant: Tenant) -> None:
    """Each row of a table is a document with the other columns as its metadata."""
    project = tenant.project()
    table = "id;titre;texte;année\n7;Loutres;Les loutres nagent la nuit.;1999\n8;Vide;;2000\n"

    job = imported(tenant, project, ("table.csv", table.encode("cp1252")))

    assert {("empty-row", "table.csv, row 3")} == warned(job)
    found = documents(tenant, project)["7"]
    assert ("Loutres", {"id": 7, "année": 1999}) == (found["title"], found["metadata"])


def test_changed_row_is_a_newer_version(tenant: Tenant) -> None:
    """Rows with an id stay the same documents when the table is imported again."""
    project = tenant.project()
    imported(tenant, project, ("t.csv", b"id,text\n1,Herons wait.\n2,Otters swim.\n"))
    before = documents(tenant, project)

    job = imported(tenant, project, ("t.csv", b"id,text\n1,Herons wait.\n2,Otters sleep.\n"))

    assert {"unchanged": 1, "changed": 1}.items() <= job["result"].items()
    assert before["2"]["id"] == documents(tenant, project)["2"]["id"]


def test_columns_can_be_named(tenant: Tenant) -> None:
    """Whoever knows the table better says which column holds what."""
    project = tenant.project()
    table = b"ref,beschreibung,wort\n1,Otter schwimmen nachts.,Otter\n"

    imported(
        tenant,
        project,
        ("t.csv", table),
        text_column="Beschreibung",
        id_column="ref",
        title_column="wort",
    )

    assert "Otter" == documents(tenant, project)["1"]["title"]


def test_table_without_texts_fails_with_its_columns(tenant: Tenant) -> None:
    """Where no column is named like a text the job says which there are."""
    job = imported(tenant, tenant.project(), ("t.csv", b"a,b\n1,2\n"))

    assert "failed" == job["status"]
    assert "(a, b)" in job["error"]["detail"]


def test_prefix_keeps_sources_apart(tenant: Tenant) -> None:
    """Two sources with the same names do not replace each other's documents."""
    project = tenant.project()
    imported(tenant, project, ("a.zip", packed({"README.md": "Herons."})), prefix="birds/")
    imported(tenant, project, ("b.zip", packed({"README.md": "Otters."})), prefix="mammals/")

    assert {"birds/README.md", "mammals/README.md"} == set(documents(tenant, project))


def test_children_bear_the_tags_and_the_priority(tenant: Tenant) -> None:
    """What is wished for an import holds for its documents."""
    answer = send(
        tenant,
        tenant.project(),
        ("docs.zip", packed({"a.txt": "Herons."})),
        tags="spring",
        priority="7",
    )

    job = tenant.ended(answer.json()["job"]["id"])
    child = tenant.http.get("/v1/jobs", params={"parent": job["id"]}).json()["jobs"][0]
    assert (["spring"], 7) == (child["tags"], child["priority"])


def test_unsafe_archive_is_refused_and_not_kept(server: InProcessServer, tenant: Tenant) -> None:
    """An archive that would write elsewhere is a 422, and nothing of it stays."""
    before = stored_files(server)

    answer = send(tenant, tenant.project(), ("docs.zip", with_entry("../../evil.txt")))

    assert (422, "/problems/unsafe-archive") == (answer.status_code, answer.json()["type"])
    assert before == stored_files(server)


def test_archive_over_a_limit_is_refused(tenant: Tenant) -> None:
    """An archive that stands too deep in others is a 422."""
    answer = send(tenant, tenant.project(), ("docs.zip", nested(3)))

    assert (422, "/problems/archive-limit") == (answer.status_code, answer.json()["type"])


def test_what_is_no_source_is_refused(tenant: Tenant) -> None:
    """A file that nothing here imports is a 415."""
    answer = send(tenant, tenant.project(), ("song.flac", b"fLaC\0\0\0\x22" + bytes(range(256))))

    assert (415, "/problems/unsupported-media-type") == (answer.status_code, answer.json()["type"])


def test_empty_archive_is_refused(tenant: Tenant) -> None:
    """An archive without a file is a 422."""
    assert 422 == send(tenant, tenant.project(), ("docs.zip", packed({}))).status_code


def test_unknown_project_is_not_found(tenant: Tenant) -> None:
    """Importing into nothing is a 404."""
    assert 404 == send(tenant, "nowhere", ("docs.zip", packed({"a.txt": "x"}))).status_code


def test_unknown_field_is_refused(tenant: Tenant) -> None:
    """A field that nobody knows is a 422, not something to ignore."""
    answer = send(tenant, tenant.project(), ("a.zip", packed({"a.txt": "x"})), colour="red")

    assert 422 == answer.status_code


def test_key_makes_an_import_happen_once(tenant: Tenant) -> None:
    """The same request under the same key gives the same job."""
    project = tenant.project()
    files = ("docs.zip", packed({"a.txt": "Herons."}))
    keyed = {"Idempotency-Key": "once"}

    first, second = (send(tenant, project, files, headers=keyed).json() for _ in range(2))

    assert first == second
    tenant.ended(first["job"]["id"])


def test_key_for_another_import_is_refused(tenant: Tenant) -> None:
    """A key that was used for another archive is a 422."""
    project = tenant.project()
    keyed = {"Idempotency-Key": "twice"}
    first = send(tenant, project, ("a.zip", packed({"a.txt": "Herons."})), headers=keyed)

    second = send(tenant, project, ("a.zip", packed({"a.txt": "Otters."})), headers=keyed)

    assert 422 == second.status_code
    tenant.ended(first.json()["job"]["id"])


def test_files_of_an_import_are_removed_with_its_end(
    server: InProcessServer, tenant: Tenant
) -> None:
    """The archive itself goes once its files are documents; these stay."""
    before = stored_files(server)

    imported(tenant, tenant.project(), ("docs.zip", packed({"a.txt": "Herons in the reeds."})))

    assert 1 == len(stored_files(server) - before)


def test_failed_children_are_counted(tenant: Tenant) -> None:
    """A document that cannot be read fails alone; the import tells how many did."""
    archive = packed({"a.txt": "Herons.", "broken.pdf": b"%PDF-1.7\nnothing of a PDF"})

    job = imported(tenant, tenant.project(), ("docs.zip", archive))

    assert "completed" == job["status"]
    assert {"completed": 1, "failed": 1}.items() <= job["result"].items()
    assert {("documents-failed", None)} == warned(job)


def test_dry_run_says_what_would_happen_and_does_nothing(
    server: InProcessServer, tenant: Tenant
) -> None:
    """A dry run counts what is new, changed and missing, and leaves nothing behind."""
    project = tenant.project()
    item = zotero_item("AAAA1111", "On otters", "files/1/gone.pdf", abstractNote=ABSTRACT)
    imported(tenant, project, ("docs.zip", packed({"a.txt": "Herons.", "b.txt": "Otters."})))
    before = stored_files(server)

    answer = send(
        tenant,
        project,
        (
            "docs.zip",
            packed(
                {
                    "a.txt": "Herons.",
                    "b.txt": "Otters swim.",
                    "c.txt": "Otters swim.",
                    "d.md": PAPER,
                    "e.md": PAPER,
                    "My.json": export(item),
                }
            ),
        ),
        dry_run="true",
    )

    assert 200 == answer.status_code, answer.text
    said = answer.json()
    expected = {
        "documents": 6,
        "unchanged": 1,
        "changed": 1,
        "new": 3,
        "duplicates": 1,
        "missing_files": 1,
        "pages": 4,
    }
    assert expected.items() <= said.items()
    assert said["tokens"] > 0
    assert {"pages", "tokens", "cost", "seconds"} == set(said["basis"])
    assert before == stored_files(server)
    assert 2 == len(documents(tenant, project))


@pytest.mark.parametrize("where", ["query", "form"])
def test_dry_run_queues_nothing(tenant: Tenant, where: str) -> None:
    """No job comes of a dry run, however it is asked for."""
    project = tenant.project()
    url = f"/v1/projects/{project}/imports"
    parts = [("file", ("a.zip", packed({"a.txt": "Herons."})))]
    asked = {"params": {"dry_run": "true"}} if where == "query" else {"data": {"dry_run": "true"}}

    tenant.http.post(url, files=parts, **asked).raise_for_status()  # type: ignore[arg-type]

    assert [] == tenant.http.get("/v1/jobs").json()["jobs"]


def test_folders_are_refused_where_none_is_allowed(tenant: Tenant) -> None:
    """Without a root that the operator allowed, folders of the server are a 403."""
    answer = tenant.http.post(f"/v1/projects/{tenant.project()}/imports", json={"folder": "/etc"})

    assert 403 == answer.status_code
    assert "RAGLINE_IMPORT_ROOTS" in answer.json()["detail"]
