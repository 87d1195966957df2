"""Bibliographies over HTTP, and what hits and citations say of works."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from tests.contract import problem_of
from tests.conversations.talking import add_agent, begin, talk
from tests.inprocess import InProcessServer, Tenant

QUESTION = "Who kept the lighthouse of Orrin?"
CSL = {
    "type": "book",
    "title": "Lights of the North",
    "author": [{"family": "Morrow", "given": "Ann"}],
    "issued": {"date-parts": [[1911]]},
    "publisher": "Orrin Press",
    "publisher-place": "Leith",
}


@dataclass(frozen=True)
class Library:
    """A tenant with three documents: a work, a work by flat metadata, and a plain one."""

    tenant: Tenant
    project: str
    work: str
    flat: str
    plain: str

    def bibliography(self, *documents: str, **wanted: Any) -> Any:
        """Ask for a bibliography of documents."""
        body = {"document_ids": list(documents), **wanted}
        return self.tenant.http.post(f"/v1/projects/{self.project}/bibliography", json=body)


@pytest.fixture(scope="module")
def library(server: InProcessServer) -> Iterator[Library]:
    """A project with documents that say what works they are."""
    with server.tenant() as tenant:
        project = tenant.project()
        documents = [
            tenant.ingest_text(project, text, title=title, metadata=metadata)["id"]
            for title, text, metadata in (
                (
                    "Orrin",
                    "The lighthouse of Orrin was kept by Ann Morrow for thirty years.",
                    {
                        "csl": json.dumps(CSL),
                        "citation_key": "morrow1911",
                        "authors": ["Morrow, Ann"],
                        "year": 1911,
                        "tags": ["light", "north"],
                    },
                ),
                (
                    "Bread",
                    "Bread is baked at dawn.",
                    {"authors": ["Baker, Bo", "Doe, Di"], "year": 2001, "doi": "10.1/2"},
                ),
                ("Plain", "Gravel is small stones.", {}),
            )
        ]
        yield Library(tenant, project, *documents)


def test_documents(library: Library) -> None:
    """Documents become entries: by what their metadata tell, or at least by their title."""

    answer = library.bibliography(library.work, library.flat, library.plain).json()

    assert ("harvard-cite-them-right", "en-US", "text") == (
        answer["style"],
        answer["locale"],
        answer["format"],
    )
    assert {
        library.work: "(Morrow, 1911)",
        library.flat: "(Baker and Doe, 2001)",
        library.plain: "(“Plain”, no date)",
    } == {entry["document_id"]: entry["citation"] for entry in answer["entries"]}
    assert "Morrow, A. (1911) Lights of the North. Leith: Orrin Press." in answer["text"]
    assert [] == answer["warnings"]


def test_formats(library: Library) -> None:
    """The same works come as HTML, CSL-JSON, BibTeX and RIS, under their own keys."""

    shown = {
        format: library.bibliography(library.work, format=format, locale="fr").json()["text"]
        for format in ("html", "csl-json", "bibtex", "ris")
    }

    assert "<i>Lights of the North</i>" in shown["html"]
    assert "morrow1911" == json.loads(shown["csl-json"])[0]["id"]
    assert shown["bibtex"].startswith("@book{morrow1911,")
    assert "AU  - Morrow, Ann" in shown["ris"]


@pytest.mark.parametrize(
    ("wanted", "status"),
    [
        ({"style": "../../etc/passwd"}, 422),
        ({"style": "http://127.0.0.1/x.csl"}, 422),
        ({"style": "nobody-has-this"}, 422),
        ({"locale": "xx-XX"}, 422),
        ({"format": "docx"}, 422),
        ({"more": 1}, 422),
    ],
)
def test_refused(library: Library, wanted: dict[str, Any], status: int) -> None:
    """A style is a name of one that is there, never a path or an address."""

    assert status == library.bibliography(library.work, **wanted).status_code


def test_unknown_documents(library: Library, tenant: Tenant) -> None:
    """A document of another tenant, or none at all, is not found."""

    body = {"document_ids": [library.work]}
    own = tenant.http.post(f"/v1/projects/{tenant.project()}/bibliography", json=body)

    problem_of(library.bibliography("nothing"), 404, "not-found")
    problem_of(own, 404, "not-found")
    assert 422 == library.bibliography().status_code


def test_hits_say_what_work_they_are_of(library: Library) -> None:
    """A hit has its work's reference; the whole description stays with the document."""

    url = f"/v1/projects/{library.project}/search"
    hits = library.tenant.http.post(url, json={"query": QUESTION}).json()["hits"]
    by_document = {hit["document_id"]: hit for hit in hits}

    assert {
        "authors": ["Morrow, Ann"],
        "year": 1911,
        "container": None,
        "doi": None,
        "citation_key": "morrow1911",
        "item_type": None,
    } == by_document[library.work]["reference"]
    assert "csl" not in by_document[library.work]["metadata"]
    assert by_document[library.plain]["reference"] is None


@pytest.mark.parametrize("query", ["Doe", "bo baker", "2001", "10.1/2", "morrow1911", "north"])
def test_found_by_what_is_known_of_a_work(library: Library, query: str) -> None:
    """Words find a work by its authors, year, DOI, citation key and tags."""

    url = f"/v1/projects/{library.project}/search"
    body = {"query": query, "mode": "lexical"}
    hits = library.tenant.http.post(url, json=body).json()["hits"]

    wanted = library.work if query in ("morrow1911", "north") else library.flat
    assert [wanted] == [hit["document_id"] for hit in hits]


@pytest.mark.parametrize(
    ("type", "value", "found"),
    [
        ("eq", "light", True),
        ("in", ["x", "north"], True),
        ("ne", "light", False),
        ("nin", ["x", "north"], False),
        ("nin", ["x"], True),
        ("eq", "ligh", False),
    ],
)
def test_filter_on_a_list(library: Library, type: str, value: object, found: bool) -> None:
    """A list of texts matches by any of its elements."""

    filter = {"type": type, "key": "tags", "value": value}
    url = f"/v1/projects/{library.project}/search"
    hits = library.tenant.http.post(url, json={"query": QUESTION, "filter": filter}).json()["hits"]

    assert found == (library.work in {hit["document_id"] for hit in hits})


def test_answer(library: Library) -> None:
    """An answer's citations have the reference, and its job a bibliography."""

    http = library.tenant.http
    url = f"/v1/projects/{library.project}/chat"
    accepted = http.post(
        url, json={"question": QUESTION}, headers={"Prefer": "respond-async"}
    ).json()["job"]
    job = library.tenant.ended(accepted["id"])

    assert "morrow1911" == job["result"]["citations"][0]["reference"]["citation_key"]
    answer = http.get(f"/v1/jobs/{job['id']}/bibliography", params={"format": "html"}).json()
    assert library.work == answer["entries"][0]["document_id"]
    assert "<i>Lights of the North</i>" in answer["text"]


def test_message(library: Library) -> None:
    """A message that is an answer has a bibliography; what its user said has none."""

    http = library.tenant.http
    session = begin(http, add_agent(http, library.project))
    answered = talk(http, session, QUESTION)
    asked = http.get(f"/v1/sessions/{session}/messages").json()["messages"][0]["message_id"]

    url = f"/v1/messages/{answered['message_id']}/bibliography"
    answer = http.get(url, params={"locale": "fr-FR"}).json()
    refused = http.get(f"/v1/messages/{asked}/bibliography")

    assert "(Morrow, 1911)" == answer["entries"][0]["citation"]
    problem_of(refused, 409, "conflict")


def test_not_answered(library: Library) -> None:
    """A job that answers no question has no bibliography, nor has a stranger's."""

    http = library.tenant.http
    job = http.get("/v1/jobs", params={"kind": "ingest"}).json()["jobs"][0]

    problem_of(http.get(f"/v1/jobs/{job['id']}/bibliography"), 409, "conflict")
    problem_of(http.get("/v1/jobs/nothing/bibliography"), 404, "not-found")
    problem_of(http.get("/v1/messages/nothing/bibliography"), 404, "not-found")
