"""`ragline ingest` against a server."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.cli.conftest import Ragline
from tests.ingestion.scans import scanned
from tests.inprocess import Tenant

TIGERS = "Tigers live in Bengal and hunt at night, alone and in silence.\n"
OWLS = "Owls turn their heads by two hundred and seventy degrees.\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with two documents, one of them below."""
    folder = tmp_path / "papers"
    (folder / "birds").mkdir(parents=True)
    (folder / "tigers.txt").write_text(TIGERS)
    (folder / "birds/owls.txt").write_text(OWLS)
    return folder


def test_a_folder_becomes_documents(ragline: Ragline, folder: Path) -> None:
    """All files of a folder end searchable in a project that is made for them."""
    result = ragline("ingest", folder, "--project", "zoo", "--json")

    documents = json.loads(result.stdout)["documents"]
    assert 0 == result.exit_code
    assert {("tigers.txt", "completed"), ("owls.txt", "completed")} == {
        (one["filename"], one["status"]) for one in documents
    }


def test_a_second_time_nothing_is_done_again(ragline: Ragline, folder: Path) -> None:
    """What is there already is said to be there, and counts as success."""
    ragline("ingest", folder, "--project", "zoo")

    result = ragline("ingest", folder, "--project", "zoo")

    assert 0 == result.exit_code
    assert "= 2 unchanged" in result.stdout


def test_without_waiting_jobs_are_named(ragline: Ragline, folder: Path) -> None:
    """`--no-wait` returns as soon as the files are accepted, with the job to ask for."""
    result = ragline("ingest", folder / "tigers.txt", "--project", "zoo", "--no-wait", "--json")

    (document,) = json.loads(result.stdout)["documents"]
    assert 0 == result.exit_code
    assert 0 == ragline("jobs", "watch", document["job_id"]).exit_code


def test_a_named_file_that_is_refused_is_a_failure(ragline: Ragline, folder: Path) -> None:
    """A file that nobody reads is told with its reason, and its neighbours are taken."""
    (folder / "noise.bin").write_bytes(bytes(range(256)))

    result = ragline("ingest", folder / "noise.bin", folder / "tigers.txt", "--project", "zoo")

    assert 1 == result.exit_code
    assert "noise.bin: not taken. Nothing here reads" in result.stdout
    assert "tigers.txt: completed" in result.stdout


def test_a_refused_file_of_a_folder_is_only_told(ragline: Ragline, folder: Path) -> None:
    """What a folder happens to hold beside its documents makes no failure."""
    (folder / "noise.bin").write_bytes(bytes(range(256)))

    result = ragline("ingest", folder, "--project", "zoo", "--json")

    assert 0 == result.exit_code
    assert ["noise.bin"] == [one["filename"] for one in json.loads(result.stdout)["rejected"]]


def test_files_refused_together_each_have_their_reason(ragline: Ragline, folder: Path) -> None:
    """Where none of a batch is taken, each file still says why."""
    (folder / "noise.bin").write_bytes(bytes(range(256)))
    (folder / "empty.txt").write_bytes(b"")

    result = ragline("ingest", folder / "noise.bin", folder / "empty.txt", "--project", "zoo")

    assert 1 == result.exit_code
    assert "empty.txt: not taken. The file 'empty.txt' is empty" in result.stdout
    assert "noise.bin: not taken. Nothing here reads" in result.stdout


def test_a_document_that_fails_fails_the_command(ragline: Ragline, folder: Path) -> None:
    """A damaged PDF ends with its reason and exit code 1, and its neighbour is searchable."""
    (folder / "broken.pdf").write_bytes(b"%PDF-1.7\nnot a PDF after all")

    result = ragline("ingest", folder, "--project", "zoo")

    assert 1 == result.exit_code
    assert "✗ broken.pdf: " in result.stdout
    assert "✓ tigers.txt: completed, 1 page" in result.stdout


def test_warnings_stand_below_their_document(ragline: Ragline, folder: Path) -> None:
    """A page without text is told."""
    (folder / "blank.pdf").write_bytes(scanned(texts=["Words on the first page alone.", ""]))

    result = ragline("ingest", folder / "blank.pdf", "-p", "light")

    assert 0 == result.exit_code
    assert "completed, 2 pages\n  ! page 2 has no text\n" in result.stdout


def test_names_are_shown_as_they_are(ragline: Ragline, folder: Path) -> None:
    """Brackets in a name are no markup, and control codes do not reach the terminal."""
    (folder / "[red]\x1b[2Jfox.txt").write_text("Foxes live in holes under the ground.")

    result = ragline("ingest", folder, "--project", "zoo")

    assert "[red][2Jfox.txt" in result.stdout
    assert "\x1b" not in result.stdout


def test_a_folder_without_files_is_a_failure(ragline: Ragline, tmp_path: Path) -> None:
    """Who uploads nothing is told so."""
    (tmp_path / "empty").mkdir()

    result = ragline("ingest", tmp_path / "empty", "--project", "zoo")

    assert 1 == result.exit_code
    assert "nothing to upload" in result.stdout


def test_a_path_that_is_not_there_is_a_wrong_use(ragline: Ragline, tmp_path: Path) -> None:
    """Nothing is uploaded where one of the paths does not exist."""
    assert 2 == ragline("ingest", tmp_path / "missing", "--project", "zoo").exit_code


def test_a_project_that_exists_is_used(ragline: Ragline, folder: Path, tenant: Tenant) -> None:
    """Files go into the project of that name."""
    project_id = tenant.project("zoo")

    result = ragline("ingest", folder, "--project", "zoo", "--no-wait", "--json")

    assert project_id == json.loads(result.stdout)["project"]["id"]
