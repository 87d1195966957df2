"""Scanned pages end to end: engines asked in turn, the ledger, and what is paid."""

from __future__ import annotations

import itertools
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from tests.chat.asking import http_to
from tests.conversations.served import database_settings
from tests.fakes.mistral_server import TEXT, FakeMistral, ocr_answer, pages_sent
from tests.fakes.openai_server import FakeOpenAI, completion, failure
from tests.ingestion.scans import encoded, picture, scanned
from tests.inprocess import Tenant
from tests.servers import RunningServer

from ragline.database import Database
from ragline.models import Job, PageText, PaidCall

SEEN = "The keepers of the light wrote down the weather every single day."
PRICE = 0.002
PROSE = "This page has a text of its own, which is long enough to be kept as it is. " * 4
_numbers = itertools.count(1)


@dataclass
class Reading:
    """A server that reads scans with two providers, which are fakes; its database beside it."""

    server: RunningServer
    database: Database
    mistral: FakeMistral
    openai: FakeOpenAI

    def clear(self) -> None:
        """Forget what was asked, and what would be answered."""
        for fake in (self.mistral, self.openai):
            fake.replies.clear()
            fake.requests.clear()
            fake.most_at_once = 0
        self.mistral.text = lambda _index: TEXT
        self.openai.respond = lambda _request: completion(SEEN)


def reader_settings(mistral: FakeMistral, openai: FakeOpenAI) -> dict[str, object]:
    """Return the settings of a server that has scans read by both."""
    return {
        "ocr": "mistral,openai",
        "ocr_tries": 2,
        "ocr_mistral_base_url": mistral.url,
        "ocr_mistral_pages_per_call": 2,
        "ocr_mistral_page_price": PRICE,
        "ocr_openai_base_url": openai.url,
        "ocr_dpi": 72,
        "provider_limits": json.dumps({"mistral": {"concurrent": 1}}),
        "token_prices": json.dumps({"fake-1": {"prompt": 1000, "completion": 0}}),
        "idle_poll_seconds": 0.2,
    }


@pytest.fixture(scope="module")
def served(
    tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Iterator[Reading]:
    with FakeMistral().running() as mistral, FakeOpenAI().running() as openai:
        assert isinstance(mistral, FakeMistral)
        settings = reader_settings(mistral, openai) | database_settings(request)
        with RunningServer(tmp_path_factory.mktemp("scans"), **settings) as server:
            url = settings.get("database_url", f"sqlite:///{server.data_dir / 'ragline.db'}")
            database = Database(str(url), connections=4)
            yield Reading(server, database, mistral, openai)
            database.close()


@pytest.fixture
def reading(served: Reading) -> Reading:
    """The same, with nothing asked yet."""
    served.clear()
    return served


@pytest.fixture
def tenant(served: Reading) -> Iterator[Tenant]:
    """The owner of the server."""
    with http_to(served.server) as http:
        yield Tenant("", served.server.api_key, http)


def fresh_lines(count: int) -> list[str]:
    """Return lines that no other test's pages bear."""
    return [f"Line {next(_numbers)} of a page" for _ in range(count)]


def ingest(
    tenant: Tenant, content: bytes, name: str = "scan.pdf"
) -> tuple[dict[str, Any], list[dict[str, Any]], str]:
    """Upload a file to a project of its own; return its ended job, its pages and its id."""
    project = tenant.project(f"library {next(_numbers)}")
    accepted = tenant.upload(project, (name, content))
    assert 202 == accepted.status_code, accepted.text
    body = accepted.json()
    job, document = tenant.ended(body["job"]["id"]), body["documents"][0]["id"]
    pages = tenant.http.get(f"/v1/documents/{document}/pages").json()["pages"]
    return job, pages, document


def test_first_engine(reading: Reading, tenant: Tenant) -> None:
    """Scanned pages are read by the first engine, the others keep their own text."""
    job, pages, _ = ingest(tenant, scanned(*fresh_lines(3), texts=[PROSE]))

    assert ("completed", []) == (job["status"], job["warnings"])
    engines = [page["engine"].partition(":")[0].partition("-")[0] for page in pages]
    assert ["mistral", "mistral", "mistral", "pdfium"] == engines
    assert [TEXT] * 3 == [page["text"] for page in pages[:3]]
    assert [] == reading.openai.requests


def test_costs_add_up(reading: Reading, tenant: Tenant) -> None:
    """The job's cost is that of its pages, and of the calls that were paid."""
    job, pages, _ = ingest(tenant, scanned(*fresh_lines(3)))

    assert pytest.approx(3 * PRICE) == job["cost"]
    assert pytest.approx(job["cost"]) == sum(page["cost"] for page in pages)
    with reading.database.read() as session:
        paid = session.scalars(sa.select(PaidCall.cost).where(PaidCall.job_id == job["id"])).all()
    assert pytest.approx(job["cost"]) == sum(paid)


def test_next_engine(reading: Reading, tenant: Tenant) -> None:
    """Where the first one fails the next is asked; the ledger says who failed and why."""
    reading.mistral.replies = [failure(401)]
    job, (page,), _ = ingest(tenant, scanned(*fresh_lines(1)))

    assert ("completed", []) == (job["status"], job["warnings"])
    assert ("openai:gpt-4o-mini", SEEN) == (page["engine"], page["text"])
    (failed,) = page["failed_engines"]
    assert "mistral:mistral-ocr-latest" == failed["engine"]
    assert "RAGLINE_OCR_MISTRAL_API_KEY" in failed["reason"]


def test_temporary_failure(reading: Reading, tenant: Tenant) -> None:
    """A provider that fails for a moment is asked again before the next one is."""
    reading.mistral.replies = [failure(503)]
    _, (page,), _ = ingest(tenant, scanned(*fresh_lines(1)))

    assert ("mistral:mistral-ocr-latest", []) == (page["engine"], page["failed_engines"])
    assert 2 == len(reading.mistral.requests)


def test_too_many_calls(reading: Reading, tenant: Tenant) -> None:
    """After a 429 the provider is asked again when its Retry-After is over."""
    reading.mistral.replies = [failure(429, Retry_After="1")]
    _, (page,), _ = ingest(tenant, scanned(*fresh_lines(1)))

    assert "mistral:mistral-ocr-latest" == page["engine"]
    assert [] == reading.openai.requests


def test_nothing_found(reading: Reading, tenant: Tenant) -> None:
    """An empty answer is paid for and noted; the next engine is asked, the sum adds up."""
    reading.mistral.text = lambda _index: "![img-0.jpeg](img-0.jpeg)"
    job, (page,), _ = ingest(tenant, scanned(*fresh_lines(1)))

    assert SEEN == page["text"]
    assert ["It found no text on the page."] == [e["reason"] for e in page["failed_engines"]]
    assert pytest.approx(PRICE + 0.011) == page["cost"]
    assert pytest.approx(page["cost"]) == job["cost"]


def test_picture_without_text(reading: Reading, tenant: Tenant) -> None:
    """A page on which nobody finds text is a warning, and nobody is asked for it again."""
    reading.mistral.text = lambda _index: ""
    reading.openai.respond = lambda _request: completion("")
    content = scanned(*fresh_lines(1))
    job, _, _ = ingest(tenant, content)
    assert [("page-without-text", 1)] == [(w["code"], w["page"]) for w in job["warnings"]]
    reading.clear()
    again, _, _ = ingest(tenant, content)

    assert ("completed", 0.0) == (again["status"], again["cost"])
    assert [] == reading.mistral.requests + reading.openai.requests


def test_nobody_can_read(reading: Reading, tenant: Tenant) -> None:
    """Pages that all engines fail for end as warnings with every reason."""
    reading.mistral.replies = [failure(403), failure(403)]
    reading.openai.respond = lambda _request: failure(404)
    job, pages, _ = ingest(tenant, scanned(*fresh_lines(1), texts=[PROSE]))

    assert "completed" == job["status"]
    (warning,) = job["warnings"]
    assert ("page-unreadable", 1) == (warning["code"], warning["page"])
    assert "mistral:" in warning["message"]
    assert "openai:" in warning["message"]
    assert 2 == len(pages[0]["failed_engines"])


def test_failed_pages_are_read_later(reading: Reading, tenant: Tenant) -> None:
    """A page that failed is read at the next occasion; one that was read is not paid again."""
    content = scanned(*fresh_lines(2))
    reading.mistral.respond, answer = (
        lambda request: (
            ocr_answer(["One page was read.", None]) if pages_sent(request) > 1 else failure(422)
        ),
        reading.mistral.respond,
    )
    reading.openai.respond = lambda _request: failure(404)
    try:
        first, _, _ = ingest(tenant, content)
    finally:
        reading.mistral.respond = answer
    assert [2] == [warning["page"] for warning in first["warnings"]]
    reading.clear()
    second, pages, _ = ingest(tenant, content)

    assert [] == second["warnings"]
    assert ["One page was read.", TEXT] == [page["text"] for page in pages]
    assert 1 == len(reading.mistral.requests)
    assert pytest.approx(PRICE) == second["cost"]


def test_broken_answers(reading: Reading, tenant: Tenant) -> None:
    """Text that is garbage counts as none."""
    reading.mistral.text = lambda _index: "�" * 80
    _, (page,), _ = ingest(tenant, scanned(*fresh_lines(1)))

    assert SEEN == page["text"]


def test_answers_outlive_faults(reading: Reading, tmp_path: Path) -> None:
    """What was answered is stored before it is used: a step that fails then pays nothing again."""
    settings = reader_settings(reading.mistral, reading.openai)
    server = RunningServer(tmp_path, failpoints="ingest.page_recognised=error:0", **settings)
    with server, http_to(server) as http:
        tenant = Tenant("", server.api_key, http)
        accepted = tenant.upload(tenant.project(), ("scan.pdf", scanned(*fresh_lines(1)))).json()
        job = tenant.ended(accepted["job"]["id"])
        assert "failed" == job["status"]
        assert pytest.approx(PRICE) == job["cost"]
    del server.settings["failpoints"]
    with server, http_to(server) as http:
        tenant = Tenant("", server.api_key, http)
        tenant.http.post(f"/v1/jobs/{job['id']}/retry")
        job = tenant.ended(job["id"])
        (page,) = tenant.http.get(f"/v1/documents/{job['document_id']}/pages").json()["pages"]

    assert ("completed", 1) == (job["status"], len(reading.mistral.requests))
    assert pytest.approx(PRICE) == job["cost"] == page["cost"]


def test_cancelling(reading: Reading, tenant: Tenant) -> None:
    """Cancelling ends a call that is under way, and the job."""
    released = threading.Event()
    reading.mistral.respond, answer = (
        lambda _request: ocr_answer(["too late"], until=released),
        reading.mistral.respond,
    )
    try:
        accepted = tenant.upload(tenant.project(), ("scan.pdf", scanned(*fresh_lines(1)))).json()
        reading.mistral.wait_for_request()
        tenant.http.post(f"/v1/jobs/{accepted['job']['id']}/cancel")
        job = tenant.ended(accepted["job"]["id"])
    finally:
        released.set()
        reading.mistral.respond = answer

    assert "cancelled" == job["status"]


def test_own_text_goes(reading: Reading, tenant: Tenant) -> None:
    """Of a page that was recognised one text is stored, and deleting the document removes it."""
    _, pages, document = ingest(tenant, scanned(*fresh_lines(1)))
    assert 1 == len(pages)
    removed = tenant.http.delete(f"/v1/documents/{document}").json()["removed"]

    assert 1 == removed["page_texts"]
    with reading.database.read() as session:
        left = session.scalars(
            sa.select(PageText.text).where(PageText.key.in_(_keys_of(session, document)))
        ).all()
    assert [] == left


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "TIFF", "WEBP"])
def test_pictures(reading: Reading, tenant: Tenant, kind: str) -> None:
    """Pictures are documents of pages; a TIFF has a page for each frame."""
    (first, second) = fresh_lines(2)
    more = {"save_all": True, "append_images": [picture(second)]} if kind == "TIFF" else {}
    content = encoded(picture(first), kind, **more)
    job, pages, _ = ingest(tenant, content, f"page.{kind.lower()}")

    assert "completed" == job["status"]
    assert [TEXT] * (2 if kind == "TIFF" else 1) == [page["text"] for page in pages]


def test_no_call_without_need(reading: Reading, tenant: Tenant) -> None:
    """Pages with a text of their own, and blank ones, are not sent to anybody."""
    job, pages, _ = ingest(tenant, scanned(texts=[PROSE, ""]))

    assert [0.0, 0.0] == [page["cost"] for page in pages]
    assert [("page-without-text", 2)] == [(w["code"], w["page"]) for w in job["warnings"]]
    assert [] == reading.mistral.requests + reading.openai.requests


def test_same_content_in_two_documents(reading: Reading, tenant: Tenant) -> None:
    """The same scan in another project costs nothing and says who read it."""
    content = scanned(*fresh_lines(1))
    ingest(tenant, content)
    job, (page,), _ = ingest(tenant, content)

    assert (0.0, 0.0) == (job["cost"], page["cost"])
    assert "mistral:mistral-ocr-latest" == page["engine"]
    assert 1 == len(reading.mistral.requests)


def _keys_of(session: Any, document: str) -> list[str]:
    job = session.scalar(sa.select(Job.id).where(Job.document_id == document))
    return list(session.scalars(sa.select(PaidCall.about).where(PaidCall.job_id == job)))


def test_limits(reading: Reading, tenant: Tenant) -> None:
    """Scans of several documents keep to the limits of their provider together."""
    project = tenant.project("limits")
    accepted = [
        tenant.upload(project, ("scan.pdf", scanned(*fresh_lines(2)))).json() for _ in range(3)
    ]
    ended = [tenant.ended(each["job"]["id"]) for each in accepted]

    assert ["completed"] * 3 == [job["status"] for job in ended]
    assert 1 == reading.mistral.most_at_once
