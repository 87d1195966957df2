"""Reading documents back: listings, pages, passages, the file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.contract import ODD_IDS, problem_of
from tests.ingestion.scans import scanned
from tests.inprocess import InProcessServer, Tenant

LIBRARY = Path(__file__).parents[2] / "samples" / "library"


def ingested(tenant: Tenant, name: str) -> tuple[str, dict[str, Any]]:
    """Ingest a file of the sample library; return the document's id and the ended job."""
    answer = tenant.upload(tenant.project(), (name, (LIBRARY / name).read_bytes()))
    return answer.json()["documents"][0]["id"], tenant.ended(answer.json()["job"]["id"])


@pytest.mark.parametrize("what", ["", "/pages", "/chunks", "/file"])
@pytest.mark.parametrize("odd", ODD_IDS.values(), ids=ODD_IDS)
def test_odd_ids(tenant: Tenant, what: str, odd: str) -> None:
    """An id of whatever form that names nothing is not found."""

    problem_of(tenant.http.get(f"/v1/documents/{odd}{what}"), 404, "not-found")


@pytest.mark.parametrize("what", ["", "/pages", "/chunks", "/file"])
def test_of_another_tenant(server: InProcessServer, tenant: Tenant, what: str) -> None:
    """Another tenant's document is the same answer as one that does not exist."""

    document = tenant.ingest_text(tenant.project(), "Private words.")["id"]
    unknown = "00000000-0000-4000-8000-000000000000"
    with server.tenant() as other:
        theirs = other.http.get(f"/v1/documents/{document}{what}")
        none = other.http.get(f"/v1/documents/{unknown}{what}")

    problem_of(theirs, 404, "not-found")
    assert none.text == theirs.text.replace(document, unknown)


def test_file(tenant: Tenant) -> None:
    """The file comes back byte for byte, to be saved and never shown as a page of ours."""

    document, _ = ingested(tenant, "caring-for-wool-blankets.html")
    answer = tenant.http.get(f"/v1/documents/{document}/file")

    assert (LIBRARY / "caring-for-wool-blankets.html").read_bytes() == answer.content
    assert answer.headers["content-disposition"].startswith("attachment")
    assert "nosniff" == answer.headers["x-content-type-options"]


def test_pages(tenant: Tenant) -> None:
    """Pages are numbered from 1 and hold what stands on them."""

    document, _ = ingested(tenant, "aster-3-operating-manual.pdf")
    pages = tenant.http.get(f"/v1/documents/{document}/pages").json()["pages"]

    assert [1, 2, 3] == [page["number"] for page in pages]
    assert ["194 °C and 197 °C" in " ".join(page["text"].split()) for page in pages] == [
        False,
        True,
        False,
    ]


def test_chunks_name_their_pages(tenant: Tenant) -> None:
    """A passage names the page on which its words stand."""

    document, _ = ingested(tenant, "aster-3-operating-manual.pdf")
    chunks = tenant.http.get(f"/v1/documents/{document}/chunks").json()["chunks"]

    assert list(range(len(chunks))) == [chunk["ordinal"] for chunk in chunks]
    found = [chunk for chunk in chunks if "194 °C and 197 °C" in " ".join(chunk["text"].split())]
    assert found
    assert all(chunk["page_start"] <= 2 <= chunk["page_end"] for chunk in found)


def test_page_without_text(tenant: Tenant) -> None:
    """A blank page is a warning of the job that names it."""

    content = scanned(texts=["A page with words on it, and after it one without any.", ""])
    accepted = tenant.upload(tenant.project(), ("blank.pdf", content)).json()
    job = tenant.ended(accepted["job"]["id"])

    assert "completed" == job["status"]
    assert [(2, "page 2 has no text")] == [(w["page"], w["message"]) for w in job["warnings"]]


def test_scanned_page(tenant: Tenant) -> None:
    """A scanned page is read by an engine of this machine, or is a warning that says why not."""

    document, job = ingested(tenant, "keepers-log-of-the-orrin-light.pdf")
    pages = tenant.http.get(f"/v1/documents/{document}/pages").json()["pages"]

    assert "completed" == job["status"]
    if job["warnings"]:
        assert [(3, "page-unreadable")] == [(w["page"], w["code"]) for w in job["warnings"]]
        assert "RAGLINE_OCR" in job["warnings"][0]["message"]
    else:
        assert "Fog came down at four in the morning" in pages[2]["text"]


@pytest.mark.parametrize("what", ["pages", "chunks"])
def test_paging_within_a_document(tenant: Tenant, what: str) -> None:
    """Pages and passages are handed out in parts, without gaps or repeats."""

    document, _ = ingested(tenant, "aster-3-operating-manual.pdf")
    url, key = f"/v1/documents/{document}/{what}", {"pages": "number", "chunks": "ordinal"}[what]
    whole = tenant.http.get(url, params={"limit": 200}).json()
    seen, more, after = [], True, {}
    while more:
        part = tenant.http.get(url, params={"limit": 2, **after}).json()
        seen += part[what]
        more, after = part["has_more"], {"after": seen[-1][key]}

    assert (whole[what], False) == (seen, whole["has_more"])


def test_paging_of_documents(tenant: Tenant) -> None:
    """Documents are handed out oldest first, in parts, without gaps or repeats."""

    project = tenant.project()
    made = [
        tenant.add_text(project, f"Text number {n}.").json()["documents"][0]["id"] for n in range(5)
    ]
    url, seen, more = f"/v1/projects/{project}/documents", [], True
    while more:
        after = {"after": seen[-1]} if seen else {}
        part = tenant.http.get(url, params={"limit": 2, **after}).json()
        seen += [document["id"] for document in part["documents"]]
        more = part["has_more"]

    assert made == seen


@pytest.mark.parametrize("odd", ODD_IDS.values(), ids=ODD_IDS)
def test_paging_after_an_odd_id(tenant: Tenant, odd: str) -> None:
    """Going on after a document that is not there is not found."""

    url = f"/v1/projects/{tenant.project()}/documents?after={odd}"

    problem_of(tenant.http.get(url), 404, "not-found")


@pytest.mark.parametrize("after", ["-2", "x", "99999999999999999999", "1.5"])
def test_pages_after_an_odd_number(tenant: Tenant, after: str) -> None:
    """Going on after what is no page number is refused."""

    answer = tenant.http.get("/v1/documents/x/pages", params={"after": after})

    problem_of(answer, 422, "invalid-input")
