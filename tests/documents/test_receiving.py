"""Bodies of uploads that are not what they should be."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tests.contract import problem_of
from tests.inprocess import Tenant

END = b"--B--\r\n"
FORM = "multipart/form-data; boundary=B"


def part(name: str, filename: bytes | None, content: bytes) -> bytes:
    """Return a part of a multipart body."""
    file = b'; filename="%b"' % filename if filename is not None else b""
    return b'--B\r\nContent-Disposition: form-data; name="%b"%b\r\n\r\n%b\r\n' % (
        name.encode(),
        file,
        content,
    )


FILE = part("file", b"a.txt", b"Some words.")


def send(tenant: Tenant, content: bytes, content_type: str | None = FORM) -> Any:
    """Post a body to a new project."""
    headers = {"content-type": content_type} if content_type else {}
    url = f"/v1/projects/{tenant.project()}/documents"
    return tenant.http.post(url, content=content, headers=headers)


@pytest.mark.parametrize(
    ("content", "content_type"),
    [
        (FILE + END, "multipart/form-data"),
        (FILE + END, "multipart/form-data; boundary="),
        (FILE + END, "multipart/form-data; boundary=other"),
        (FILE, FORM),
        (FILE[:-8], FORM),
        (FILE + part("file", b"b.txt", b"cut")[:-3], FORM),
        (b"", FORM),
        (b"\x00\xff" * 100, FORM),
        (b"--B\r\n\r\nno headers\r\n" + END, FORM),
        (part("file", b"n" * 10_000, b"x") + END, FORM),
        (b"--B\r\nX: " + b"a" * 100_000 + b"\r\n\r\n" + END, FORM),
        (part("title", None, b"x" * 2_000_000) + FILE + END, FORM),
        (b"".join(part("file", b"a", b"x") for _ in range(201)) + END, FORM),
        (b"".join(part(f"f{n}", None, b"x") for n in range(30)) + FILE + END, FORM),
        (part("metadata", None, b"{") + FILE + END, FORM),
        (part("metadata", None, b"[" * 100_000) + FILE + END, FORM),
    ],
    ids=[
        "no boundary",
        "empty boundary",
        "another boundary",
        "no end",
        "cut inside the file",
        "second file cut",
        "nothing",
        "garbage",
        "part without headers",
        "very long filename",
        "very long header",
        "very long field",
        "too many files",
        "too many fields",
        "metadata that is not JSON",
        "metadata nested too deeply",
    ],
)
def test_unreadable_form(tenant: Tenant, content: bytes, content_type: str) -> None:
    """A form that cannot be read to its end is malformed; no part of it is taken."""

    problem_of(send(tenant, content, content_type), 400, "malformed-request")

    assert [] == tenant.http.get("/v1/jobs").json()["jobs"]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (END, "at least one file"),
        (part("file", None, b"words") + END, "at least one file"),
        (part("upload", b"a.txt", b"words") + END, "'file', not 'upload'"),
        (part("metadata", b"m.json", b"{}") + FILE + END, "'file', not 'metadata'"),
        (part("colour", None, b"red") + FILE + END, "colour: this field is not known here"),
        (part("metadata", None, b"[]") + FILE + END, "metadata: must be a JSON object"),
        (part("title", None, b"a\0b") + FILE + END, "title: must not contain NUL"),
        (part("title", None, b"   ") + FILE + END, "title: must not be blank"),
        (part("metadata", None, b'{"a": "\\ud800"}') + FILE + END, "lone surrogates"),
    ],
)
def test_unacceptable_form(tenant: Tenant, content: bytes, said: str) -> None:
    """A form that can be read but not taken is refused in a sentence."""

    assert said in problem_of(send(tenant, content), 422, "invalid-input")["detail"]


@pytest.mark.parametrize(
    "content_type",
    [None, "text/xml", "multipart/mixed; boundary=B", "application/x-www-form-urlencoded"],
)
def test_other_content_types(tenant: Tenant, content_type: str | None) -> None:
    """Only forms and JSON are taken."""

    problem_of(send(tenant, FILE + END, content_type), 415, "unsupported-media-type")


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        (b"../../../../etc/passwd", "passwd"),
        (b"C:\\\\Users\\\\me\\\\report.txt", "report.txt"),
        (b"/", "unnamed"),
        (b"", "unnamed"),
        ("é😀\x01\x7f.txt".encode(), "é😀.txt"),
        ("a\u202egnp.txt".encode(), "agnp.txt"),
        (b"n" * 2000 + b".txt", "n" * 500),
    ],
)
def test_filenames(tenant: Tenant, sent: bytes, kept: str) -> None:
    """Of a file's name its last part is kept, as far as it can be printed."""

    answer = send(tenant, part("file", sent, b"Some words.") + END)

    assert kept == answer.json()["documents"][0]["filename"]


@pytest.mark.parametrize(
    ("metadata", "field"),
    [
        ([], "metadata"),
        ("x", "metadata"),
        ({"a": {"b": 1}}, "metadata.a"),
        ({"a": None}, "metadata.a"),
        ({"a": ["x", 1]}, "metadata.a.list.1"),
        ({"a": ["x"] * 201}, "metadata.a.list"),
        ({"a": "x" * 2001}, "metadata.a.text"),
        ({"a": 10**400}, "metadata.a.number"),
        ({"a": -(2**54)}, "metadata.a.number"),
        ({"a": "\ud800"}, "metadata.a.text"),
        ({"a": "\0"}, "metadata.a.text"),
        ({"a\0": 1}, "metadata.a\0.[key]"),
        ({"a\ud800": 1}, "metadata.a\ufffd\ufffd\ufffd.[key]"),
        ({"": 1}, "metadata..[key]"),
        ({"k" * 101: 1}, f"metadata.{'k' * 101}.[key]"),
        ({str(n): n for n in range(51)}, "metadata"),
    ],
)
def test_metadata(tenant: Tenant, metadata: object, field: str) -> None:
    """Metadata that cannot be filtered by is refused; the answer names the entry."""

    url = f"/v1/projects/{tenant.project()}/documents"
    answer = tenant.http.post(
        url,
        content=json.dumps({"text": "Some words.", "metadata": metadata}),
        headers={"content-type": "application/json"},
    )

    problem = problem_of(answer, 422, "invalid-input")
    assert [field] == [error["field"] for error in problem["errors"]]


@pytest.mark.parametrize("number", [b"NaN", b"Infinity", b"-Infinity", b"1e400"])
def test_metadata_not_finite(tenant: Tenant, number: bytes) -> None:
    """A number that is none is refused."""

    body = b'{"text": "Some words.", "metadata": {"a": ' + number + b"}}"

    problem = problem_of(send(tenant, body, "application/json"), 422, "invalid-input")
    assert "finite" in problem["detail"]
