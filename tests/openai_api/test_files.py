"""Uploaded files through the official client."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import openai
import pytest
import sqlalchemy as sa
from tests.contract import stored_files
from tests.inprocess import InProcessServer, Tenant
from tests.openai_api.conftest import Upload
from tests.openai_api.texts import BREAD, NOT_READABLE, STARS, TIDES

from ragline.maintenance import cleanup, retention, rules
from ragline.models import UploadedFile, now


def test_file_is_kept_as_it_was_sent(client: openai.OpenAI) -> None:
    """A file is described, and its content comes back byte by byte."""
    made = client.files.create(file=("tides.txt", TIDES.encode()), purpose="user_data")
    found = client.files.retrieve(made.id)

    assert made == found
    assert ("tides.txt", "user_data", len(TIDES)) == (found.filename, found.purpose, found.bytes)
    assert TIDES.encode() == client.files.content(made.id).read()


def test_any_kind_of_file_is_kept(client: openai.OpenAI, upload: Upload) -> None:
    """Also what nothing here reads can be stored and read back."""
    assert NOT_READABLE == client.files.content(upload(NOT_READABLE, "odd.bin")).read()


def test_expiry_is_told(client: openai.OpenAI) -> None:
    """A file that is to go by itself says when."""
    made = client.files.create(
        file=("tides.txt", TIDES.encode()),
        purpose="assistants",
        expires_after={"anchor": "created_at", "seconds": 3600},
    )

    assert made.expires_at is not None
    assert 3600 == made.expires_at - made.created_at


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"purpose": "fine-tune"}, "purpose"),
        ({}, "purpose"),
        ({"purpose": "assistants", "colour": "red"}, "colour"),
        ({"purpose": "assistants", "expires_after[anchor]": "created_at"}, "expires_after.seconds"),
        (
            {
                "purpose": "assistants",
                "expires_after[anchor]": "created_at",
                "expires_after[seconds]": "60",
            },
            "expires_after.seconds",
        ),
    ],
)
def test_wrong_fields_are_named(tenant: Tenant, fields: dict[str, str], param: str) -> None:
    """A field that cannot be honoured is refused by its name, and nothing is kept."""
    answer = tenant.http.post("/v1/files", files={"file": ("a.txt", b"text")}, data=fields)

    assert (400, param) == (answer.status_code, answer.json()["error"]["param"])
    assert [] == tenant.http.get("/v1/files").json()["data"]


def test_file_must_come_as_a_form(tenant: Tenant) -> None:
    """A body of another kind is refused."""
    answer = tenant.http.post("/v1/files", json={"purpose": "assistants"})

    assert (400, "file") == (answer.status_code, answer.json()["error"]["param"])


def test_empty_file_is_refused(client: openai.OpenAI) -> None:
    """An empty file is a bad request."""
    with pytest.raises(openai.BadRequestError, match="is empty"):
        client.files.create(file=("a.txt", b""), purpose="assistants")


def test_list_goes_through_all_pages(client: openai.OpenAI, upload: Upload) -> None:
    """The client's iterator finds every file once, newest first."""
    made = [upload(f"text {number}", f"{number}.txt") for number in range(5)]

    assert made[::-1] == [file.id for file in client.files.list(limit=2)]
    assert made == [file.id for file in client.files.list(limit=2, order="asc")]


def test_list_by_purpose(client: openai.OpenAI, upload: Upload) -> None:
    """Only the files of a purpose are listed, if one is asked for."""
    upload(TIDES)
    other = client.files.create(file=("b.txt", BREAD.encode()), purpose="user_data")

    assert [other.id] == [file.id for file in client.files.list(purpose="user_data")]


def test_deleted_file_is_gone(
    client: openai.OpenAI, server: InProcessServer, upload: Upload
) -> None:
    """A deleted file is neither listed nor kept."""
    before = stored_files(server)
    file_id = upload("a text that nobody else sends")
    deleted = client.files.delete(file_id)

    assert (file_id, True) == (deleted.id, deleted.deleted)
    assert before == stored_files(server)
    with pytest.raises(openai.NotFoundError):
        client.files.retrieve(file_id)


def test_same_content_is_kept_while_one_needs_it(client: openai.OpenAI, upload: Upload) -> None:
    """Of two files with one content the other stays readable."""
    first, second = upload(STARS, "a.txt"), upload(STARS, "b.txt")
    client.files.delete(first)

    assert STARS.encode() == client.files.content(second).read()


def test_deleted_document_leaves_the_file(tenant: Tenant, client: openai.OpenAI) -> None:
    """Deleting a document of the same content does not take an uploaded file's away."""
    project = tenant.project()
    document = tenant.ingest_text(project, "The same words in two places.")
    file = client.files.create(
        file=("a.txt", b"The same words in two places."), purpose="assistants"
    )
    tenant.http.delete(f"/v1/documents/{document['id']}")

    assert b"The same words in two places." == client.files.content(file.id).read()


def test_upload_under_a_key_happens_once(tenant: Tenant) -> None:
    """The same upload under one idempotency key is one file."""

    def upload(content: bytes) -> Any:
        return tenant.http.post(
            "/v1/files",
            files={"file": ("a.txt", content)},
            data={"purpose": "assistants"},
            headers={"Idempotency-Key": "once"},
        )

    first, again, other = upload(b"text"), upload(b"text"), upload(b"another text")

    assert first.json() == again.json()
    assert (400, "idempotency_key_reused") == (
        other.status_code,
        other.json()["error"]["code"],
    )
    assert 1 == len(tenant.http.get("/v1/files").json()["data"])


def test_expired_file_is_gone_and_cleaned_up(
    client: openai.OpenAI, server: InProcessServer, upload: Upload
) -> None:
    """A file whose time is up is not found, and a clean-up takes its row and its content."""
    file_id = upload("a text that expires")
    database = server.runtime.database
    with database.write() as session:
        session.execute(
            sa.update(UploadedFile)
            .where(UploadedFile.id == file_id.removeprefix("file-"))
            .values(expires_at=now() - timedelta(seconds=1))
        )

    with pytest.raises(openai.NotFoundError):
        client.files.retrieve(file_id)
    old = retention.moments(server.runtime.settings, now())
    with database.read() as session:
        due = {rule.what: rule for rule in cleanup.rules(session, old)}["uploaded_files"]
    assert 1 == rules.remove(database, due, note=lambda *_: None)


def test_clean_up_leaves_the_content_of_files(
    client: openai.OpenAI, server: InProcessServer, upload: Upload
) -> None:
    """A stored file that only an uploaded file refers to is no stray."""
    file_id = upload("a text in no store")
    with server.runtime.database.read() as session:
        content_hash = session.get_one(UploadedFile, file_id.removeprefix("file-")).content_hash
    later = now() + cleanup.FILES_AGE + timedelta(hours=1)
    strays = set(cleanup.stray_files(server.runtime.database, server.runtime.blobs, later))

    assert content_hash not in strays
    assert b"a text in no store" == client.files.content(file_id).read()
