"""Each format through the server: uploaded, read, and found with the page its words stand on."""

from __future__ import annotations

from typing import Any

import fpdf
import pytest
from tests.contract import problem_of
from tests.inprocess import Tenant
from tests.providers.parsers import made_documents as word
from tests.providers.parsers import made_office as office
from tests.providers.parsers.made_outlook import outlook_message

WORDS = "Copper kettles were traded for saffron along the northern road."
# Longer than any passage, so that the words stand in one that is wholly on their page.
FIRST, ABOVE, BELOW = (
    " ".join(f"On day {number} the {who} counts every boat." for number in range(40))
    for who in ("harbour master", "miller", "baker")
)
SECOND = f"{ABOVE} {WORDS} {BELOW}"
QUESTION = "copper kettles traded for saffron"


def pdf() -> bytes:
    """Return a PDF of two pages."""
    document = fpdf.FPDF()
    document.set_font("Helvetica", size=12)
    for words in (FIRST, SECOND):
        document.add_page()
        document.multi_cell(0, text=words)
    return bytes(document.output())


def docx() -> bytes:
    """Return a Word document of two pages."""
    blocks = (word.heading("Harbour"), word.paragraph(FIRST), word.PAGE_BREAK)
    return word.docx(*blocks, word.heading("Trade"), word.paragraph(SECOND))


FILES: list[tuple[str, bytes, int]] = [
    ("a.pdf", pdf(), 2),
    ("a.docx", docx(), 2),
    ("a.pptx", office.slides(("Harbour", [FIRST], ""), ("Trade", ["Kettles"], SECOND)), 2),
    ("a.xlsx", office.workbook(Boats=[["a"], [FIRST]], Empty=[], Trade=[["b"], [SECOND]]), 3),
    ("a.odt", office.odt(("Harbour", FIRST), ("Trade", SECOND)), 2),
    ("a.ods", office.ods(Boats=[["a"], [FIRST]], Trade=[["b"], [SECOND]]), 2),
    ("a.odp", office.odp(("Harbour", FIRST, "n"), ("Trade", "Kettles", SECOND)), 2),
    ("a.epub", office.epub(f"<h1>Harbour</h1><p>{FIRST}</p>", f"<p>{SECOND}</p>"), 2),
    ("a.html", f"<html><body><p>{FIRST}</p><p>{SECOND}</p></body></html>".encode(), 1),
    ("a.md", f"# Harbour\n\n{FIRST}\f# Trade\n\n{SECOND}\n".encode(), 2),
    ("a.txt", f"{FIRST}\f{SECOND}".encode(), 2),
    ("a.rtf", office.rtf(f"{FIRST}\\par\\page {SECOND}\\par".encode()), 2),
    ("a.eml", office.eml("Trade", SECOND), 1),
    ("a.msg", outlook_message("Trade", WORDS, sender="a@example.org", to="b@example.org"), 1),
    ("a.csv", f"place;text\nnorth;{FIRST}\nsouth;{SECOND}\n".encode(), 1),
]


def found(tenant: Tenant, project: str) -> list[dict[str, Any]]:
    """Return what a search for the words finds."""
    answer = tenant.http.post(f"/v1/projects/{project}/search", json={"query": QUESTION})
    assert 200 == answer.status_code, answer.text
    return list(answer.json()["hits"])


@pytest.mark.parametrize(("name", "content", "page"), FILES, ids=[name for name, _, _ in FILES])
def test_words_are_found_on_their_page(
    tenant: Tenant, name: str, content: bytes, page: int
) -> None:
    """The words of each format are found, with the number of their page, slide or sheet."""
    project = tenant.project()
    accepted = tenant.upload(project, (name, content))
    assert 202 == accepted.status_code, accepted.text
    job = tenant.ended(accepted.json()["job"]["id"])

    best = found(tenant, project)[0]

    assert "completed" == job["status"], job
    assert WORDS in " ".join(best["text"].split())
    assert (page, page) == (best["page_start"], best["page_end"])


def test_heading_stands_with_its_passage(tenant: Tenant) -> None:
    """A heading of an office document is the heading of the passage below it."""
    project = tenant.project()
    accepted = tenant.upload(project, ("a.docx", docx())).json()
    tenant.ended(accepted["job"]["id"])

    document = accepted["documents"][0]["id"]
    chunks = tenant.http.get(f"/v1/documents/{document}/chunks").json()["chunks"]

    assert ["Trade"] == [chunk["heading"] for chunk in chunks if WORDS in chunk["text"]]
    assert {"Harbour", "Trade"} == {chunk["heading"] for chunk in chunks}


def test_empty_sheet_is_named(tenant: Tenant) -> None:
    """A sheet without words is a warning with its number."""
    content = office.workbook(Boats=[["words"]], Empty=[])
    job = tenant.ended(tenant.upload(tenant.project(), ("a.xlsx", content)).json()["job"]["id"])

    assert ["page 2 has no text"] == [warning["message"] for warning in job["warnings"]]


def test_name_and_content_disagree(tenant: Tenant) -> None:
    """A file whose name says one format and whose content is another is refused, naming both."""
    answer = tenant.upload(tenant.project(), ("report.docx", office.workbook(A=[[1]])))

    detail = problem_of(answer, 415, "unsupported-media-type")["detail"]
    assert "named like a Word document (DOCX)" in detail
    assert "is an Excel workbook (XLSX)" in detail


def test_unknown_extension(tenant: Tenant) -> None:
    """A name that says nothing leaves it to the content."""
    accepted = tenant.upload(tenant.project(), ("report.bak", docx()))

    assert "completed" == tenant.ended(accepted.json()["job"]["id"])["status"]


def test_macros(tenant: Tenant) -> None:
    """A document with macros is read like one without them."""
    content = office.extended(docx(), **{"word/vbaProject.bin": b"\xd0\xcf\x11\xe0macro"})
    project = tenant.project()
    accepted = tenant.upload(project, ("report.docm", content))
    tenant.ended(accepted.json()["job"]["id"])

    assert WORDS in found(tenant, project)[0]["text"]


def test_old_office_format(tenant: Tenant) -> None:
    """An old or protected office file without a known name is refused with what to do."""
    content = bytes.fromhex("d0cf11e0a1b11ae1") + bytes(600)
    answer = tenant.upload(tenant.project(), ("report.doc", content))

    assert "save it as DOCX" in problem_of(answer, 415, "unsupported-media-type")["detail"]


def test_archive(tenant: Tenant) -> None:
    """A ZIP archive is told where archives go."""
    answer = tenant.upload(tenant.project(), ("all.zip", word.archive_of("a.txt", "b.txt")))

    assert "imports" in problem_of(answer, 415, "unsupported-media-type")["detail"]


def test_document_with_a_password(tenant: Tenant) -> None:
    """The job of a protected document fails with what to do."""
    content = bytes.fromhex("d0cf11e0a1b11ae1") + bytes(600)
    accepted = tenant.upload(tenant.project(), ("report.xlsx", content))

    job = tenant.ended(accepted.json()["job"]["id"])

    assert "failed" == job["status"]
    assert "without a password" in job["error"]["detail"]
