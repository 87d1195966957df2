"""Folders of the server: what is allowed, and what is found in them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from tests.imports.importing import documents
from tests.imports.packing import export, packed, zotero_item
from tests.inprocess import InProcessServer, Tenant

from ragline.errors import Forbidden, InvalidInput, UnreadableFile
from ragline.imports.folders import allowed_folder, files_below, open_below


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder whose folders may be imported."""
    return tmp_path_factory.mktemp("root")


@pytest.fixture(autouse=True)
def _allowed(server: InProcessServer, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the server's operator allow the root."""
    monkeypatch.setattr(server.runtime.settings, "import_roots", [root])


@pytest.fixture
def folder(root: Path, tmp_path: Path) -> Path:
    """A folder below the root for one test."""
    folder = root / tmp_path.name
    folder.mkdir()
    return folder


def start(tenant: Tenant, project: str, folder: Path | str, **fields: Any) -> Any:
    """Ask for the import of a folder and return the response."""
    body = {"folder": str(folder), **fields}
    return tenant.http.post(f"/v1/projects/{project}/imports", json=body)


def test_folder_becomes_documents(tenant: Tenant, folder: Path) -> None:
    """The files below an allowed folder become documents that are known by their paths."""
    (folder / "birds").mkdir()
    (folder / "birds/heron.txt").write_text("Herons wait.")
    (folder / "otter.md").write_text("Otters swim.")
    (folder / ".hidden.txt").write_text("Nobody reads this.")
    project = tenant.project()

    job = tenant.ended(start(tenant, project, folder).json()["job"]["id"])

    assert "completed" == job["status"], job
    assert {"birds/heron.txt", "otter.md"} == set(documents(tenant, project))


def test_only_what_changed_in_a_folder_is_ingested(tenant: Tenant, folder: Path) -> None:
    """A second import of a folder takes what is new and what is different."""
    (folder / "heron.txt").write_text("Herons wait.")
    (folder / "otter.txt").write_text("Otters swim.")
    project = tenant.project()
    tenant.ended(start(tenant, project, folder).json()["job"]["id"])
    (folder / "otter.txt").write_text("Otters sleep.")
    (folder / "vole.txt").write_text("Voles dig.")

    job = tenant.ended(start(tenant, project, folder).json()["job"]["id"])

    assert {"new": 1, "changed": 1, "unchanged": 1}.items() <= job["result"].items()


def test_library_in_a_folder_has_its_files(tenant: Tenant, folder: Path) -> None:
    """An export in a folder is found, and so are its works' files."""
    (folder / "files/1").mkdir(parents=True)
    (folder / "files/1/paper.txt").write_text("Otters swim at night.")
    (folder / "My.json").write_text(export(zotero_item("AAAA1111", "Otters", "files/1/paper.txt")))
    project = tenant.project()

    tenant.ended(start(tenant, project, folder).json()["job"]["id"])

    assert ["zotero:users/123/AAAA1111"] == list(documents(tenant, project))


def test_links_that_lead_out_are_named_and_not_read(
    tenant: Tenant, folder: Path, tmp_path: Path
) -> None:
    """A link in a folder reaches nothing outside of it."""
    (tmp_path / "secret.txt").write_text("The keeper's own notes.")
    (folder / "note.txt").symlink_to(tmp_path / "secret.txt")
    (folder / "heron.txt").write_text("Herons wait.")
    project = tenant.project()

    job = tenant.ended(start(tenant, project, folder).json()["job"]["id"])

    assert ["heron.txt"] == list(documents(tenant, project))
    assert [("refused-entry", "note.txt")] == [(w["code"], w["item"]) for w in job["warnings"]]


def test_archives_in_a_folder_are_named(tenant: Tenant, folder: Path) -> None:
    """A folder's archives are not unpacked; whoever wants one imports it."""
    (folder / "old.zip").write_bytes(packed({"a.txt": "Herons."}))

    job = tenant.ended(start(tenant, tenant.project(), folder).json()["job"]["id"])

    assert [("refused-entry", "old.zip")] == [(w["code"], w["item"]) for w in job["warnings"]]


def test_dry_run_of_a_folder(tenant: Tenant, folder: Path) -> None:
    """A dry run looks into the folder, and nothing comes of it."""
    (folder / "heron.txt").write_text("Herons wait.")
    project = tenant.project()

    said = start(tenant, project, folder, dry_run=True).json()

    assert (1, 1, 1) == (said["documents"], said["new"], said["pages"])
    assert {} == documents(tenant, project)


def test_folder_outside_of_the_roots_is_refused(tenant: Tenant, tmp_path: Path) -> None:
    """What the operator did not allow is a 403, whether it is there or not."""
    project = tenant.project()
    details = set()
    for folder in (tmp_path, tmp_path / "missing", "/etc", "/"):
        answer = start(tenant, project, folder)
        assert 403 == answer.status_code
        details.add(answer.json()["detail"])

    assert 1 == len(details)


def test_missing_folder_below_a_root_is_invalid(tenant: Tenant, root: Path) -> None:
    """Below a root, a folder that is not there is a 422."""
    assert 422 == start(tenant, tenant.project(), root / "missing").status_code


@pytest.mark.parametrize("folder", ["relative", "", "/a\0b"])
def test_odd_paths_are_invalid(tenant: Tenant, folder: str) -> None:
    """A folder is named by an absolute path."""
    assert 422 == start(tenant, tenant.project(), folder).status_code


def test_folder_that_is_a_link_out_is_refused(root: Path, tmp_path: Path) -> None:
    """A link below a root that leads elsewhere is judged by where it leads."""
    link = root / f"{tmp_path.name}-link"
    link.symlink_to(tmp_path)

    with pytest.raises(Forbidden):
        allowed_folder(str(link), [root])


def test_steps_up_are_resolved_first(root: Path) -> None:
    """`..` leads out of a root for nobody."""
    with pytest.raises(Forbidden):
        allowed_folder(f"{root}/../..", [root])


def test_file_is_no_folder(root: Path, tmp_path: Path) -> None:
    """A file below a root is a 422."""
    file = root / f"{tmp_path.name}.txt"
    file.write_text("x")

    with pytest.raises(InvalidInput):
        allowed_folder(str(file), [root])


def test_pipes_and_folders_are_no_files(tmp_path: Path) -> None:
    """Nothing waits for a pipe."""
    os.mkfifo(tmp_path / "pipe")

    assert [] == list(files_below(tmp_path))
    with pytest.raises(UnreadableFile):
        open_below(tmp_path, "pipe")


def test_link_within_the_folder_is_read(tmp_path: Path) -> None:
    """A link to a file of the same folder is that file."""
    (tmp_path / "a.txt").write_text("words")
    (tmp_path / "b.txt").symlink_to("a.txt")

    with open_below(tmp_path, "b.txt") as file:
        assert b"words" == file.read()
