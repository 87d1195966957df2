"""The adapter of Zotero's Web API, against a server that keeps to its documented answers."""

from __future__ import annotations

import base64
import io
import zipfile
from collections.abc import Iterator
from typing import Any

import pytest
from tests.fakes.zotero_server import FakeZotero, Fault

from ragline.errors import (
    Conflict,
    NotFound,
    PermanentProviderError,
    TemporaryProviderError,
    TooLarge,
)
from ragline.providers import registry
from ragline.providers.contracts import LibraryChanges, ReferenceLibrary
from ragline.settings import load_settings

MOST = 1_000_000


@pytest.fixture
def fake() -> Iterator[FakeZotero]:
    with FakeZotero().running() as server:
        yield server


@pytest.fixture
def library(fake: FakeZotero) -> Iterator[ReferenceLibrary]:
    opened = open_library(fake)
    yield opened
    opened.close()


def open_library(fake: FakeZotero, **changes: Any) -> ReferenceLibrary:
    """Return the adapter for the fake's library."""
    settings = load_settings(
        _env_file=None, zotero_base_url=changes.get("url", fake.url), zotero_timeout_seconds=5
    )
    return registry.reference_library(
        "zotero",
        settings,
        library=changes.get("library", fake.library),
        api_key=changes.get("api_key", fake.api_key),
    )


def test_changes(fake: FakeZotero, library: ReferenceLibrary) -> None:
    """What changed since a version comes with its own, and the library's version."""
    first = fake.put("book", title="One")
    second = fake.put("book", title="Two", deleted=1)

    assert LibraryChanges(2, {first: 1, second: 2}) == library.changes(since=0)
    assert LibraryChanges(2, {second: 2}) == library.changes(since=1)


def test_nothing_changed(fake: FakeZotero, library: ReferenceLibrary) -> None:
    """Status 304 means that nothing changed."""
    fake.put("book", title="One")

    assert library.changes(since=1) is None


def test_items_in_many_pages(fake: FakeZotero, library: ReferenceLibrary) -> None:
    """Fifty items come with one request, more are not asked for."""
    keys = [fake.put("book", title=str(number)) for number in range(51)]

    assert 50 == len(library.items(keys[:50]))
    with pytest.raises(ValueError, match="50"):
        library.items(keys)


def test_collections_in_pages(fake: FakeZotero, library: ReferenceLibrary) -> None:
    """Collections come page by page with how many there are."""
    for number in range(130):
        key = f"COL{number + 22222:05}".replace("0", "Z").replace("1", "Y")
        fake.collections[key] = {"key": key, "version": 1, "name": str(number)}
    first, total = library.collections(start=0)
    second, _ = library.collections(start=100)

    assert (100, 30, 130) == (len(first), len(second), total)


def test_removed(fake: FakeZotero, library: ReferenceLibrary) -> None:
    """The log tells what was removed; before its beginning nothing is known."""
    key = fake.put("book", title="One")
    fake.remove(key)

    assert [key] == library.removed(since=1)
    assert [] == library.removed(since=2)
    fake.log_begins = 2
    assert library.removed(since=1) is None


def test_download(fake: FakeZotero, library: ReferenceLibrary) -> None:
    """A file is fetched from where it is kept."""
    key = fake.attach(None, b"content of the file")
    into = io.BytesIO()
    library.download(key, "paper.txt", into, most_bytes=MOST)

    assert b"content of the file" == into.getvalue()


def test_key_stays_with_zotero(fake: FakeZotero) -> None:
    """The key is not sent on to the host that keeps a file."""
    with FakeZotero().running() as elsewhere:
        key = fake.attach(None, b"content")
        elsewhere.files[key] = b"content of elsewhere"
        location = {
            "Location": f"http://localhost:{elsewhere.url.rpartition(':')[2]}/storage/{key}"
        }
        fake.faults.append(Fault(302, "/file", body=b"", headers=location))
        library = open_library(fake)
        into = io.BytesIO()
        library.download(key, "paper.txt", into, most_bytes=MOST)
        library.close()

    assert b"content of elsewhere" == into.getvalue()
    assert ["authorization" in request.headers for request in elsewhere.requests] == [False]


def test_no_redirect_elsewhere(fake: FakeZotero, library: ReferenceLibrary) -> None:
    """An answer that is no file leads nowhere."""
    fake.faults.append(Fault(302, "/items", headers={"Location": f"{fake.url}/elsewhere"}))

    with pytest.raises((TemporaryProviderError, PermanentProviderError)):
        library.items(["ABCD2345"])
    assert [] == fake.asked("GET", "/elsewhere")


def test_missing_file(fake: FakeZotero, library: ReferenceLibrary) -> None:
    """A file that was never uploaded is not found."""
    key = fake.put("attachment", linkMode="imported_file")

    with pytest.raises(NotFound):
        library.download(key, "a.pdf", io.BytesIO(), most_bytes=MOST)


def test_large_file(fake: FakeZotero, library: ReferenceLibrary) -> None:
    """A file is given up at its limit."""
    key = fake.attach(None, b"x" * 2000)

    with pytest.raises(TooLarge):
        library.download(key, "a.pdf", io.BytesIO(), most_bytes=1999)


def packed(**entries: bytes) -> bytes:
    """Return an archive with these entries."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in entries.items():
            file.writestr(name, content)
    return archive.getvalue()


@pytest.mark.parametrize("encoded", [False, True])
def test_web_page(fake: FakeZotero, library: ReferenceLibrary, encoded: bool) -> None:
    """A page kept in an archive comes out of it, by its name."""
    name = base64.b64encode(b"page.html").decode() + "%ZB64" if encoded else "page.html"
    key = fake.attach(None, packed(**{"other.html": b"no", name: b"<p>page</p>"}), "page.html")
    fake.packed.add(key)
    into = io.BytesIO()
    library.download(key, "page.html", into, most_bytes=MOST)

    assert b"<p>page</p>" == into.getvalue()


def test_archive_bomb(fake: FakeZotero, library: ReferenceLibrary) -> None:
    """What comes out of an archive is counted in real bytes."""
    key = fake.attach(None, packed(**{"page.html": b"0" * 3_000_000}), "page.html")
    fake.packed.add(key)

    with pytest.raises(TooLarge):
        library.download(key, "page.html", io.BytesIO(), most_bytes=MOST)


def test_broken_archive(fake: FakeZotero, library: ReferenceLibrary) -> None:
    """An archive that is none is asked for again."""
    key = fake.attach(None, b"PK no archive", "page.html")
    fake.packed.add(key)

    with pytest.raises(TemporaryProviderError):
        library.download(key, "page.html", io.BytesIO(), most_bytes=MOST)


def note(parent: str, text: str, **fields: Any) -> dict[str, Any]:
    """Return a note as it is written."""
    plain = {"key": "NTE22222", "version": 0, "itemType": "note", "parentItem": parent}
    return {**plain, "note": text, **fields}


def test_write(fake: FakeZotero, library: ReferenceLibrary) -> None:
    """A note is written under the key that was chosen for it."""
    book = fake.put("book", title="One")
    written = library.write(note(book, "<p>first</p>"))

    assert ("NTE22222", fake.version) == (written["key"], written["version"])
    assert "<p>first</p>" == written["data"]["note"]
    assert library.item("NTE22222") == written


def test_write_again(fake: FakeZotero, library: ReferenceLibrary) -> None:
    """What is there is not written again."""
    book = fake.put("book", title="One")
    library.write(note(book, "<p>first</p>"))

    with pytest.raises(Conflict):
        library.write(note(book, "<p>first</p>"))
    assert 1 == len(fake.children(book))


def test_write_over(fake: FakeZotero, library: ReferenceLibrary) -> None:
    """A note is changed where its version is the given one."""
    book = fake.put("book", title="One")
    version = library.write(note(book, "<p>first</p>"))["version"]
    library.write({"key": "NTE22222", "version": version, "note": "<p>second</p>"})

    assert "<p>second</p>" == fake.items["NTE22222"]["note"]
    with pytest.raises(Conflict):
        library.write({"key": "NTE22222", "version": version, "note": "<p>third</p>"})


def test_write_the_same(fake: FakeZotero, library: ReferenceLibrary) -> None:
    """Writing what is there changes nothing and keeps its version."""
    book = fake.put("book", title="One")
    version = library.write(note(book, "<p>first</p>"))["version"]
    same = library.write({"key": "NTE22222", "version": version, "note": "<p>first</p>"})

    assert version == same["version"]


def test_write_too_long(fake: FakeZotero, library: ReferenceLibrary) -> None:
    """A note that is too long for Zotero fails for good."""
    book = fake.put("book", title="One")

    with pytest.raises(PermanentProviderError, match="shorter"):
        library.write(note(book, "x" * 250_001))


def test_no_right_to_write(fake: FakeZotero, library: ReferenceLibrary) -> None:
    """A key that may not write says what key is needed."""
    fake.may_write = False

    with pytest.raises(PermanentProviderError, match="may read"):
        library.write(note(fake.put("book"), "<p>first</p>"))


def test_unknown_item(library: ReferenceLibrary) -> None:
    """An item that is not there is None."""
    assert library.item("ABCD2345") is None


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (400, PermanentProviderError),
        (403, PermanentProviderError),
        (404, PermanentProviderError),
        (409, TemporaryProviderError),
        (412, PermanentProviderError),
        (428, PermanentProviderError),
        (429, TemporaryProviderError),
        (500, TemporaryProviderError),
        (503, TemporaryProviderError),
    ],
)
def test_refused(
    fake: FakeZotero, library: ReferenceLibrary, status: int, error: type[Exception]
) -> None:
    """Each status is worth a retry or not; it is asked once."""
    fake.faults.append(Fault(status))

    with pytest.raises(error):
        library.items(["ABCD2345"])
    assert 1 == len(fake.requests)


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize("header", ["Retry-After", "Backoff"])
def test_retry_after(fake: FakeZotero, library: ReferenceLibrary, status: int, header: str) -> None:
    """A refusal says for how long not to ask."""
    fake.faults.append(Fault(status, headers={header: "7"}))

    with pytest.raises(TemporaryProviderError) as caught:
        library.items(["ABCD2345"])
    assert 7.0 == caught.value.retry_after


def test_backoff(fake: FakeZotero, library: ReferenceLibrary) -> None:
    """An answer says for how long not to ask; the next one may take it back."""
    fake.headers = {"Backoff": "30"}
    library.items(["ABCD2345"])
    asked = library.rest
    fake.headers = {}
    library.items(["ABCD2345"])

    assert (30.0, 0.0) == (asked, library.rest)


@pytest.mark.parametrize("body", [b"", b"[{", b"<html>", b"3", b'{"a": 1}'])
def test_garbage(fake: FakeZotero, library: ReferenceLibrary, body: bytes) -> None:
    """An answer that is none is asked for again."""
    headers = {"Content-Type": "application/json"}
    fake.faults.append(Fault(200, body=body, headers=headers))

    with pytest.raises(TemporaryProviderError):
        library.items(["ABCD2345"])


def test_cut_off(fake: FakeZotero, library: ReferenceLibrary) -> None:
    """An answer that breaks off is asked for again."""
    key = fake.attach(None, b"content of the file" * 100)
    fake.faults.append(Fault(200, "/storage/", body=b"", cut=100))

    with pytest.raises(TemporaryProviderError):
        library.download(key, "a.txt", io.BytesIO(), most_bytes=MOST)


def test_no_server(fake: FakeZotero) -> None:
    """A server that is away may come back."""
    library = open_library(fake, url="http://127.0.0.1:9")
    with pytest.raises(TemporaryProviderError, match="RAGLINE_ZOTERO_BASE_URL"):
        library.items(["ABCD2345"])
    library.close()


def test_key_in_no_message(fake: FakeZotero) -> None:
    """A key that a server repeats is in no message."""
    library = open_library(fake, api_key="another-key-4567")
    with pytest.raises(PermanentProviderError) as caught:
        library.items(["ABCD2345"])
    library.close()

    assert "another-key-4567" not in str(caught.value)
    assert "[key]" in str(caught.value)
