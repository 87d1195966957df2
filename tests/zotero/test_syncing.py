"""A connected library becomes documents, and only what changed is taken again."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest
from tests.fakes.zotero_server import FakeZotero, Fault
from tests.zotero.connected import Connected, prose


def downloads(fake: FakeZotero) -> int:
    """Return how many files were asked for."""
    return len(fake.asked("GET", "/file"))


def codes(job: dict[str, Any]) -> list[str]:
    """Return the codes of a job's warnings."""
    return sorted(each["code"] for each in job["warnings"])


def test_first_sync(library: Connected) -> None:
    """Files become documents with what the library says of their works."""
    library.fake.collections["CLL22222"] = {"key": "CLL22222", "version": 1, "name": "Thesis"}
    creators = [{"creatorType": "author", "firstName": "Ada", "lastName": "Lovelace"}]
    library.work("On Engines", creators=creators, date="1843", collections=["CLL22222"])
    job = library.sync()

    assert "completed" == job["status"], job
    document = library.documents()["On Engines"]
    assert document["searchable"]
    metadata = document["metadata"]
    assert ["Lovelace, Ada"] == metadata["authors"]
    assert ("users/123", 1843, ["Thesis"]) == (
        metadata["library"],
        metadata["year"],
        metadata["collections"],
    )
    assert (1, 1) == (job["result"]["completed"], job["result"]["new"])
    assert library.fake.version == library.view()["version"]


def test_nothing_changed(library: Connected) -> None:
    """A second sync asks for what changed, and that is all."""
    library.work("On Engines")
    library.sync()
    library.fake.requests.clear()
    job = library.sync()

    assert ("completed", 0) == (job["status"], job["progress"]["total"] or 0)
    assert ["/users/123/items"] == [request.path for request in library.fake.requests]
    assert 1 == len(library.documents())


def test_many_items(library: Connected) -> None:
    """More works than fit one request are all taken, each file once."""
    for number in range(12):
        library.work(f"Work {number}")
    job = library.sync()

    assert ("completed", 12) == (job["status"], job["result"]["completed"])
    assert 12 == len(library.documents()) == downloads(library.fake)
    assert all(each["searchable"] for each in library.documents().values())


def test_changed_metadata(library: Connected) -> None:
    """What changed in a work changes its document, without its file being fetched again."""
    work, _ = library.work("On Engines")
    library.sync()
    library.fake.requests.clear()
    library.fake.put("journalArticle", key=work, title="On Engines, revised")
    job = library.sync()

    assert ("completed", 1) == (job["status"], job["result"].get("changed"))
    assert ["On Engines, revised"] == list(library.documents())
    assert 0 == downloads(library.fake)


def test_changed_file(library: Connected) -> None:
    """A changed file becomes the next version of its document."""
    _, file = library.work("On Engines")
    library.sync()
    before = library.documents()["On Engines"]["id"]
    content = prose("Another text").encode()
    library.fake.files[file] = content
    library.fake.put("attachment", key=file, md5=hashlib.md5(content).hexdigest())
    job = library.sync()

    assert "completed" == job["status"]
    assert before == library.documents()["On Engines"]["id"]
    query = {"query": "Another text", "mode": "lexical"}
    found = library.tenant.http.post(f"/v1/projects/{library.project}/search", json=query).json()
    assert "Another text" in found["hits"][0]["text"]


def test_file_attached_later(library: Connected) -> None:
    """A work stands for itself by its abstract until its file comes."""
    work = library.fake.put("book", title="On Engines", abstractNote="An abstract on engines.")
    library.sync()
    before = library.documents()["On Engines"]
    library.fake.attach(work, prose("The whole text").encode())
    job = library.sync()
    after = library.documents()["On Engines"]

    assert "completed" == job["status"]
    assert "reference.txt" == before["filename"]
    assert (before["id"], "paper.txt") == (after["id"], after["filename"])


def test_upload_under_way(library: Connected) -> None:
    """A file that Zotero does not hold yet is named, and taken once it is there."""
    work = library.fake.put("book", title="On Engines")
    file = library.fake.attach(work, b"", md5=None)
    first = library.sync()
    content = prose("On Engines").encode()
    library.fake.files[file] = content
    library.fake.put("attachment", key=file, md5=hashlib.md5(content).hexdigest())
    second = library.sync()

    assert ["missing-file", "nothing-to-read"] == codes(first)
    assert ("completed", []) == (second["status"], codes(second))
    assert library.documents()["On Engines"]["searchable"]
    assert [] == library.view()["problems"]


def test_linked_file(library: Connected) -> None:
    """A file that is only linked is named in a warning."""
    work = library.fake.put("book", title="On Engines")
    library.fake.attach(work, b"", linkMode="linked_file", md5=None)
    job = library.sync()

    assert ["linked-file", "nothing-to-read"] == codes(job)
    assert {} == library.documents()


def test_web_link(library: Connected) -> None:
    """A link to a page is no file, and nothing to be told of."""
    work, _ = library.work("On Engines")
    library.fake.attach(work, b"", linkMode="linked_url", md5=None, url="https://example.org")
    job = library.sync()

    assert ([], 1) == (codes(job), len(library.documents()))


def test_two_files(library: Connected) -> None:
    """Each file of a work is a document of its own; the PDF has the work's own name."""
    work = library.fake.put("book", title="On Engines")
    library.fake.attach(work, prose("A page").encode(), "page.txt")
    library.fake.attach(work, prose("A paper").encode(), "paper.txt", contentType="application/pdf")
    library.sync()
    listed = library.tenant.http.get(f"/v1/projects/{library.project}/documents").json()
    named = {each["filename"]: each["external_id"] for each in listed["documents"]}

    assert f"zotero:users/123/{work}" == named["paper.txt"]
    assert named["page.txt"].startswith(f"zotero:users/123/{work}/")


def test_file_alone(library: Connected) -> None:
    """A file without a work is a document too."""
    library.fake.attach(None, prose("Alone").encode(), "alone.txt")
    job = library.sync()

    assert ("completed", ["alone.txt"]) == (job["status"], list(library.documents()))


@pytest.mark.parametrize("trash", [False, True])
def test_removed(library: Connected, trash: bool) -> None:
    """The document of a work that was removed, or thrown into the trash, goes."""
    work, _ = library.work("On Engines")
    library.work("On Looms")
    library.sync()
    if trash:
        library.fake.put("journalArticle", key=work, deleted=1)
    else:
        library.fake.remove(work)
    job = library.sync()

    assert ("completed", 1) == (job["status"], job["result"]["removed"])
    assert ["On Looms"] == list(library.documents())


def test_removed_file(library: Connected) -> None:
    """Where the file of a work is removed, its abstract stands in for it again."""
    _, file = library.work("On Engines", abstractNote="An abstract on engines.")
    library.sync()
    library.fake.remove(file)
    job = library.sync()

    assert "completed" == job["status"]
    assert "reference.txt" == library.documents()["On Engines"]["filename"]


def test_removed_long_ago(library: Connected) -> None:
    """What was removed before the log begins is found by looking at all there is."""
    work, _ = library.work("On Engines")
    library.work("On Looms")
    library.sync()
    library.fake.remove(work)
    library.fake.log_begins = library.fake.version
    library.sync()

    assert ["On Looms"] == list(library.documents())


def test_sent_by_others(library: Connected) -> None:
    """A document that somebody sent as well stays when its work is removed."""
    text = prose("On Engines")
    library.tenant.ingest_text(library.project, text, title="Mine", external_id="mine")
    work, _ = library.work("On Engines", file=text.encode())
    job = library.sync()
    library.fake.remove(work)
    library.sync()

    assert ["duplicate"] == codes(job)
    assert ["Mine"] == list(library.documents())


def test_collections(library: Connected) -> None:
    """Only works of the chosen collections are taken; those that leave them go."""
    library.tenant.http.patch(library.url, json={"collections": ["CLL22222"]})
    inside, _ = library.work("Inside", collections=["CLL22222"])
    outside, _ = library.work("Outside", collections=["CLL33333"])
    library.sync()
    first = list(library.documents())
    library.fake.put("journalArticle", key=inside, collections=[])
    library.fake.put("journalArticle", key=outside, collections=["CLL22222"])
    library.sync()

    assert (["Inside"], ["Outside"]) == (first, list(library.documents()))


def test_other_collections(library: Connected) -> None:
    """When others are chosen, what was left out before is taken with the next sync."""
    library.tenant.http.patch(library.url, json={"collections": ["CLL22222"]})
    library.work("Outside", collections=["CLL33333"])
    library.sync()
    library.tenant.http.patch(library.url, json={"collections": []})
    library.sync()

    assert ["Outside"] == list(library.documents())


def test_damaged_file(library: Connected) -> None:
    """A file that is not what the library says is not taken, but tried again the next time."""
    _, file = library.work("On Engines")
    whole = library.fake.files[file]
    library.fake.files[file] = b"something else"
    first = library.sync()
    library.fake.files[file] = whole
    second = library.sync()

    assert ["damaged-file"] == codes(first)
    assert ("completed", ["On Engines"]) == (second["status"], list(library.documents()))


def test_unreadable_file(library: Connected) -> None:
    """A file that nothing reads is named; the others are taken."""
    library.work("Noise", file=bytes(range(256)) * 40)
    library.work("On Engines")
    job = library.sync()

    assert ("completed", ["unreadable-type"]) == (job["status"], codes(job))
    assert ["On Engines"] == list(library.documents())


@pytest.mark.parametrize(
    ("status", "path"),
    [(429, "/items"), (500, "/deleted"), (503, "/collections"), (429, "/file"), (500, "/storage/")],
)
def test_faults(library: Connected, status: int, path: str) -> None:
    """A passing fault anywhere delays a sync, and nothing else."""
    library.work("On Looms")
    library.sync()
    library.work("On Engines")
    headers = {} if status == 500 else {"Retry-After": "0.2"}
    library.fake.faults.append(Fault(status, path, headers=headers))
    job = library.sync()

    assert ("completed", []) == (job["status"], codes(job))
    assert [] == library.fake.faults
    assert {"On Looms", "On Engines"} == set(library.documents())


def test_backoff(library: Connected) -> None:
    """A rest that Zotero asks for is shown as what the job waits for, and then over."""
    library.work("On Engines")
    library.fake.headers = {"Backoff": "0.3"}
    job = library.sync()

    assert ("completed", None) == (job["status"], job["waiting_for"])


def test_refused_key(library: Connected) -> None:
    """A key that Zotero refuses fails the sync with what to do, and without the key."""
    library.tenant.http.patch(library.url, json={"api_key": "revoked-key-99"})
    job = library.sync()

    assert "failed" == job["status"]
    assert "may read" in job["error"]["detail"]
    assert "revoked-key-99" not in str(job)


def test_changed_meanwhile(library: Connected) -> None:
    """What changes in the library during a sync is taken by it or by the next one."""
    library.work("On Engines")
    late = []

    def add_late(request: Any) -> None:
        if "itemKey" in request.query and not late:
            late.append(library.work("On Looms"))

    library.fake.on_request = add_late
    library.sync()
    library.fake.on_request = lambda _request: None
    library.sync()

    assert {"On Engines", "On Looms"} == set(library.documents())


def test_one_at_a_time(library: Connected) -> None:
    """While a sync is open, asking for one gives the same job."""
    library.fake.faults.append(Fault(503, headers={"Retry-After": "1"}))
    first, second = library.begin(), library.begin()

    assert first == second
    assert "completed" == library.tenant.ended(first)["status"]


def test_interrupted(library: Connected) -> None:
    """A sync that fails half-way goes on where it was when it is retried."""
    for number in range(22):
        library.work(f"Work {number}")
    seen = []

    def refuse(request: Any) -> None:
        if request.path.endswith("/file"):
            seen.append(request.path)
            if len(seen) == 15:
                library.fake.faults.append(Fault(403, "/file"))

    library.fake.on_request = refuse
    failed = library.sync()
    version = library.view()["version"]
    library.tenant.http.post(f"/v1/jobs/{failed['id']}/retry")
    job = library.tenant.ended(failed["id"])

    assert ("failed", 0) == (failed["status"], version)
    assert ("completed", 22) == (job["status"], job["result"]["completed"])
    assert library.fake.version == library.view()["version"]
    assert 22 == len(library.documents())
    # The ten that were kept are not fetched again.
    assert 15 + 12 == len(seen)
