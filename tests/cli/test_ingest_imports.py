"""`ragline ingest` of archives, tables, libraries and folders."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.cli.conftest import Ragline
from tests.imports.packing import export, packed, zotero_item
from tests.inprocess import InProcessServer, Tenant

TIGERS = "Tigers live in Bengal and hunt at night, alone and in silence.\n"


def test_an_archive_becomes_documents(ragline: Ragline, tmp_path: Path) -> None:
    """The files of a ZIP archive end searchable, each told of."""
    (tmp_path / "zoo.zip").write_bytes(packed({"a/tigers.txt": TIGERS, "b.psd": b"8BPS\0"}))

    result = ragline("ingest", tmp_path / "zoo.zip", "--project", "zoo")

    assert 0 == result.exit_code, result.output
    assert "✓ tigers.txt: completed, 1 page" in result.stdout
    assert "- b.psd: not taken." in result.stdout


def test_a_library_is_sent_with_its_files(ragline: Ragline, tmp_path: Path) -> None:
    """An export and the files named beside it go together; a missing file is named."""
    item = zotero_item("AAAA1111", "On tigers", "files/1/tigers.txt", "files/2/gone.pdf")
    (tmp_path / "My.json").write_text(export(item))
    (tmp_path / "tigers.txt").write_text(TIGERS)

    result = ragline("ingest", tmp_path / "My.json", tmp_path / "tigers.txt", "-p", "zoo", "--json")

    said = json.loads(result.stdout)
    assert ["tigers.txt"] == [each["filename"] for each in said["documents"]]
    assert ["missing-file"] == [each["code"] for each in said["imports"][0]["warnings"]]


def test_a_library_in_a_folder_is_found(ragline: Ragline, tmp_path: Path) -> None:
    """A folder is sent with its paths, so that a library's files are found."""
    folder = tmp_path / "library"
    (folder / "files/1").mkdir(parents=True)
    (folder / "My.json").write_text(export(zotero_item("A1", "On tigers", "files/1/t.txt")))
    (folder / "files/1/t.txt").write_text(TIGERS)

    result = ragline("ingest", folder, "--project", "zoo", "--json")

    (document,) = json.loads(result.stdout)["documents"]
    assert ("t.txt", "completed") == (document["filename"], document["status"])


def test_a_changed_file_of_a_folder_is_ingested_alone(ragline: Ragline, tmp_path: Path) -> None:
    """A second time, only the file that is different is read."""
    folder = tmp_path / "texts"
    folder.mkdir()
    (folder / "a.txt").write_text(TIGERS)
    (folder / "b.txt").write_text("Owls turn their heads.")
    ragline("ingest", folder, "--project", "zoo")
    (folder / "b.txt").write_text("Owls turn their heads by night.")

    result = ragline("ingest", folder, "--project", "zoo", "--json")

    said = json.loads(result.stdout)
    assert ["b.txt"] == [each["filename"] for each in said["documents"]]
    assert {"unchanged": 1, "changed": 1}.items() <= said["imports"][0]["result"].items()


def test_a_table_says_what_is_wrong_with_it(ragline: Ragline, tmp_path: Path) -> None:
    """A table without texts fails with its columns, and is taken once one is named."""
    (tmp_path / "t.csv").write_text("a,b\nTigers hunt at night.,1\n")

    refused = ragline("ingest", tmp_path / "t.csv", "--project", "zoo")
    taken = ragline("ingest", tmp_path / "t.csv", "--project", "zoo", "--text-column", "a")

    assert (1, 0) == (refused.exit_code, taken.exit_code)
    assert "(a, b)" in refused.stdout


def test_columns_of_a_table_are_named(ragline: Ragline, tenant: Tenant, tmp_path: Path) -> None:
    """Texts, ids and titles come from the columns that are named."""
    (tmp_path / "t.csv").write_text("a,b,c\nTigers hunt at night.,1,On tigers\n")

    columns = ("--text-column", "a", "--id-column", "b", "--title-column", "c")
    taken = ragline("ingest", tmp_path / "t.csv", "--project", "zoo", *columns, "--json")

    project = json.loads(taken.stdout)["project"]["id"]
    [document] = tenant.http.get(f"/v1/projects/{project}/documents").json()["documents"]
    assert "On tigers" == document["title"]


def test_a_dry_run_does_nothing(ragline: Ragline, tmp_path: Path) -> None:
    """`--dry-run` says what would come of it, and a second time says the same."""
    (tmp_path / "a.txt").write_text(TIGERS)
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder/b.txt").write_text("Owls turn their heads.")

    for _ in range(2):
        result = ragline(
            "ingest", tmp_path / "a.txt", tmp_path / "folder", "-p", "zoo", "--dry-run"
        )

        assert 0 == result.exit_code
        assert 2 == result.stdout.count("1 documents: 1 new")


def test_a_folder_of_the_server_is_read_there(
    ragline: Ragline, server: InProcessServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With `--on-server` nothing is uploaded; a folder that is not allowed is refused."""
    monkeypatch.setattr(server.runtime.settings, "import_roots", [tmp_path / "shelf"])
    for name in ("shelf", "other"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "tigers.txt").write_text(TIGERS)

    taken = ragline("ingest", tmp_path / "shelf", "-p", "zoo", "--on-server")
    refused = ragline("ingest", tmp_path / "other", "-p", "zoo", "--on-server")

    assert (0, 1) == (taken.exit_code, refused.exit_code), taken.output
    assert "✓ tigers.txt: completed, 1 page" in taken.stdout


def test_an_unsafe_archive_is_a_sentence(ragline: Ragline, tmp_path: Path) -> None:
    """What the server refuses ends with its reason."""
    (tmp_path / "evil.zip").write_bytes(packed({"../up.txt": "x"}))

    result = ragline("ingest", tmp_path / "evil.zip", "--project", "zoo")

    assert 1 == result.exit_code
    assert "'..'" in result.output
