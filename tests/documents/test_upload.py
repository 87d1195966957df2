"""Uploading: what is taken, what is refused, and what becomes of the rest."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from tests.contract import count_rows, problem_of, stored_files
from tests.inprocess import InProcessServer, Tenant

LIBRARY = Path(__file__).parents[2] / "samples" / "library"
PDF = LIBRARY / "returns-and-warranty-policy.pdf"
PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 8


def job_of(tenant: Tenant, answer: Any) -> dict[str, Any]:
    """Return the job of an accepted upload, once it has ended."""
    assert 202 == answer.status_code, answer.text
    return tenant.ended(answer.json()["job"]["id"])


def test_accepted(tenant: Tenant) -> None:
    """An upload is answered with its job, where to find it, and its document."""

    answer = tenant.upload(tenant.project(), ("a.txt", b"Some words."))

    body = answer.json()
    assert 202 == answer.status_code
    assert f"/v1/jobs/{body['job']['id']}" == answer.headers["location"]
    assert [body["job"]["document_id"]] == [each["id"] for each in body["documents"]]


def test_fields(tenant: Tenant) -> None:
    """Title, external id and metadata are kept as they were sent."""

    fields = {"title": "T", "external_id": "x-1", "metadata": {"year": 1901, "tags": ["a", "b"]}}
    document = tenant.ingest_text(tenant.project(), "Some words.", **fields)

    assert fields == {name: document[name] for name in fields}


@pytest.mark.parametrize("name", ["empty.txt", "empty.pdf"])
def test_empty_file(tenant: Tenant, name: str) -> None:
    """A file without a byte is refused."""

    answer = tenant.upload(tenant.project(), (name, b""))

    assert name in problem_of(answer, 422, "invalid-input")["detail"]


def test_blank_file(tenant: Tenant) -> None:
    """A file of blanks is read, and its job warns that there is nothing to find."""

    job = job_of(tenant, tenant.upload(tenant.project(), ("a.txt", b" \n\t \n")))

    assert "completed" == job["status"]
    assert ["page 1 has no text"] == [warning["message"] for warning in job["warnings"]]


def test_picture_named_pdf(tenant: Tenant) -> None:
    """A picture is refused though its name says PDF."""

    answer = tenant.upload(tenant.project(), ("scan.pdf", PNG))

    assert "scan.pdf" in problem_of(answer, 415, "unsupported-media-type")["detail"]


def test_pdf_named_txt(tenant: Tenant) -> None:
    """A PDF under a text's name is refused in words that name both."""

    answer = tenant.upload(tenant.project(), ("a.txt", PDF.read_bytes()))

    detail = problem_of(answer, 415, "unsupported-media-type")["detail"]
    assert "named like plain text, but its content is a PDF" in detail


def test_pdf_named_nothing(tenant: Tenant) -> None:
    """A PDF is read as one though its name says nothing."""

    answer = tenant.upload(tenant.project(), ("paper", PDF.read_bytes()))

    assert "completed" == job_of(tenant, answer)["status"]
    assert "application/pdf" == answer.json()["documents"][0]["media_type"]


def test_cut_pdf(tenant: Tenant) -> None:
    """A PDF that was cut off ends its job with the reason, or with a warning."""

    content = PDF.read_bytes()
    job = job_of(tenant, tenant.upload(tenant.project(), ("a.pdf", content[: len(content) // 3])))

    assert "failed" == job["status"]
    assert "damaged or cut off" in job["error"]["detail"]


def test_encrypted_pdf(tenant: Tenant, test_data: Path) -> None:
    """A PDF with a password fails with a sentence that says what to do."""

    content = (test_data / "pdfs/encrypted/aes-256-r6.pdf").read_bytes()
    job = job_of(tenant, tenant.upload(tenant.project(), ("secret.pdf", content)))

    assert "failed" == job["status"]
    assert "password: remove it and upload the file again" in job["error"]["detail"]


def test_pdf_bombs(tenant: Tenant, test_data: Path) -> None:
    """Files made to hang readers end, one way or the other, and their neighbour is read."""

    bombs = sorted((test_data / "pdfs/bomb").glob("*.pdf"))
    files = [(path.name, path.read_bytes()) for path in bombs]
    answer = tenant.upload(tenant.project(), *files, ("good.txt", b"A good neighbour."))
    # Their pages are made into pictures and looked at, each within its limits.
    tenant.ended(answer.json()["job"]["id"], seconds=280)

    documents = {each["filename"]: each["id"] for each in answer.json()["documents"]}
    good = tenant.http.get(f"/v1/documents/{documents['good.txt']}").json()
    assert (len(bombs) + 1, "completed") == (len(documents), good["status"])


def test_nothing_is_left_of_a_rejected_upload(server: InProcessServer, tenant: Tenant) -> None:
    """A rejected file leaves no row and no file."""

    picture = PNG + b"of this test"
    answer = tenant.upload(tenant.project(), ("a.pdf", picture))

    problem_of(answer, 415, "unsupported-media-type")
    assert [0, 0] == [count_rows(server, table, tenant.id) for table in ("documents", "jobs")]
    assert sha256(picture).hexdigest() not in stored_files(server)
    assert [] == list((server.runtime.settings.files_dir / "incoming").iterdir())


def test_one_bad_file_of_three(tenant: Tenant) -> None:
    """A bad file is named, its neighbours are read, and the parent ends with a warning."""

    files = [("a.txt", b"First words."), ("bad.pdf", PNG), ("b.txt", b"Other words.")]
    answer = tenant.upload(tenant.project(), *files)
    parent = job_of(tenant, answer)

    assert ["bad.pdf"] == [each["filename"] for each in answer.json()["rejected"]]
    assert ("import", "completed", {"completed": 2}) == (
        parent["kind"],
        parent["status"],
        parent["children"],
    )
    assert ["file-rejected"] == [warning["code"] for warning in parent["warnings"]]


def test_one_unreadable_file_of_two(tenant: Tenant) -> None:
    """A file that cannot be read fails its own job only; the parent says how many."""

    files = [("a.txt", b"Some words."), ("b.pdf", b"%PDF-1.7\nnothing")]
    parent = job_of(tenant, tenant.upload(tenant.project(), *files))

    assert "completed" == parent["status"]
    assert ["1 of 2 failed"] == [warning["message"] for warning in parent["warnings"]]


def test_only_bad_files(tenant: Tenant) -> None:
    """An upload without one good file is refused as a whole, naming them."""

    answer = tenant.upload(tenant.project(), ("a.pdf", PNG), ("b.txt", b""))

    detail = problem_of(answer, 422, "invalid-input")["detail"]
    assert "a.pdf" in detail
    assert "b.txt" in detail


def test_same_file_twice_in_one_upload(tenant: Tenant) -> None:
    """Two files of the same content are one document with one job."""

    answer = tenant.upload(tenant.project(), ("a.txt", b"Twin."), ("b.txt", b"Twin."))

    assert "ingest" == answer.json()["job"]["kind"]
    assert ["a.txt"] == [each["filename"] for each in answer.json()["documents"]]


def test_same_file_again(tenant: Tenant) -> None:
    """Content that is there already gives the existing document and no job."""

    project = tenant.project()
    first = tenant.upload(project, ("a.txt", b"Once."))
    job_of(tenant, first)
    again = tenant.upload(project, ("b.txt", b"Once."))

    assert (200, None) == (again.status_code, again.json()["job"])
    assert first.json()["documents"][0]["id"] == again.json()["documents"][0]["id"]


def test_known_and_new_file(tenant: Tenant) -> None:
    """Of a known and a new file only the new one becomes a job."""

    project = tenant.project()
    job_of(tenant, tenant.upload(project, ("a.txt", b"Old.")))
    answer = tenant.upload(project, ("a.txt", b"Old."), ("b.txt", b"New."))

    assert ("ingest", 2) == (answer.json()["job"]["kind"], len(answer.json()["documents"]))


def test_same_file_in_two_tenants(server: InProcessServer, tenant: Tenant) -> None:
    """Two tenants with the same content have a document each; one's deletion spares the other."""

    mine = tenant.ingest_text(tenant.project(), "Shared words.")
    with server.tenant() as other:
        theirs = other.ingest_text(other.project(), "Shared words.")
        assert mine["id"] != theirs["id"]
        assert 200 == tenant.http.delete(f"/v1/documents/{mine['id']}").status_code
        file = other.http.get(f"/v1/documents/{theirs['id']}/file")

    assert b"Shared words." == file.content


def test_again_after_failure(tenant: Tenant) -> None:
    """Content whose job failed is ingested again: the same document, a new job."""

    project, file = tenant.project(), ("a.pdf", b"%PDF-1.7\nnothing")
    first = tenant.upload(project, file)
    assert "failed" == job_of(tenant, first)["status"]
    again = tenant.upload(project, file)

    assert first.json()["documents"][0]["id"] == again.json()["documents"][0]["id"]
    assert first.json()["job"]["id"] != job_of(tenant, again)["id"]


def test_same_new_content_from_many_threads(tenant: Tenant) -> None:
    """Content that arrives many times at once is one document with one job."""

    project = tenant.project()
    with ThreadPoolExecutor(12) as threads:
        answers = list(
            threads.map(lambda n: tenant.upload(project, (f"{n}.txt", b"At once.")), range(24))
        )

    assert [200] * 23 + [202] == sorted(answer.status_code for answer in answers)
    assert 1 == len({answer.json()["documents"][0]["id"] for answer in answers})
    assert 1 == len(tenant.http.get("/v1/jobs").json()["jobs"])
