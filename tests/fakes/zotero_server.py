"""A server that keeps a library as Zotero's Web API does, and fails on demand.

It keeps to the published protocol, version 3: https://www.zotero.org/support/dev/web_api/v3/basics,
…/syncing, …/write_requests and …/file_upload.
"""

from __future__ import annotations

import hashlib
import json
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

KEY = re.compile(r"[23456789ABCDEFGHIJKLMNPQRSTUVWXYZ]{8}")
DEFAULT_LIMIT, MOST_LIMIT, MOST_KEYS, MOST_WRITTEN = 25, 100, 50, 50
LONGEST_NOTE = 250_000


@dataclass(frozen=True)
class Fault:
    """An answer in place of the next one to a request whose method and path fit.

    `cut` closes the connection after so many bytes of the body. With `after` the request is
    carried out first, and its answer lost.
    """

    status: int = 500
    path: str = ""
    method: str = ""
    body: bytes = b"Something is wrong"
    headers: dict[str, str] = field(default_factory=dict)
    cut: int | None = None
    after: bool = False


@dataclass(frozen=True)
class Request:
    """A request as it came."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: Any


@dataclass
class Reply:
    """An answer."""

    status: int
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)

    @classmethod
    def json(cls, value: Any, **headers: str) -> Reply:
        named = {name.replace("_", "-"): text for name, text in headers.items()}
        return cls(200, json.dumps(value).encode(), {"Content-Type": "application/json"} | named)

    @classmethod
    def text(cls, status: int, text: str) -> Reply:
        return cls(status, text.encode(), {"Content-Type": "text/plain"})


class FakeZotero:
    """One library with its items, files, collections and log of deletions."""

    def __init__(self, library: str = "users/123", api_key: str | None = "secret-key-0123") -> None:
        self.library = library
        self.api_key = api_key
        self.reset()
        self._lock = threading.RLock()
        handler = type("Handler", (_Handler,), {"fake": self})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def reset(self) -> None:
        """Begin with an empty library and no faults."""
        self.may_write = True
        self.version = 0
        self.items: dict[str, dict[str, Any]] = {}
        self.collections: dict[str, dict[str, Any]] = {}
        self.deleted: list[tuple[int, str]] = []
        self.log_begins = 0
        self.files: dict[str, bytes] = {}
        self.packed: set[str] = set()
        self.tokens: set[str] = set()
        self.faults: list[Fault] = []
        self.headers: dict[str, str] = {}
        self.requests: list[Request] = []
        self.on_request: Callable[[Request], None] = lambda _request: None
        self._count = 0

    def put(self, item_type: str, *, key: str | None = None, **data: Any) -> str:
        """Make an item, or change the given one, as a user does; return its key."""
        with self._lock:
            self.version += 1
            key = key or self._new_key()
            old = self.items.get(key, {"key": key, "tags": [], "collections": []})
            self.items[key] = old | {"itemType": item_type, "version": self.version} | data
            return key

    def attach(
        self, parent: str | None, content: bytes, filename: str = "paper.txt", **data: Any
    ) -> str:
        """Make an attachment with a stored file; return its key."""
        fields: dict[str, Any] = {
            "linkMode": "imported_file",
            "title": filename,
            "filename": filename,
            "contentType": "application/pdf" if filename.endswith("pdf") else "text/plain",
            "md5": hashlib.md5(content).hexdigest(),
            "mtime": 1_700_000_000_000,
        }
        if parent:
            fields["parentItem"] = parent
        key = self.put("attachment", **(fields | data))
        self.files[key] = content
        return key

    def remove(self, key: str) -> None:
        """Remove an item for good, with what hangs on it."""
        with self._lock:
            self.version += 1
            gone = [key, *(k for k, v in self.items.items() if v.get("parentItem") == key)]
            for each in gone:
                self.items.pop(each)
                self.deleted.append((self.version, each))

    def children(self, parent: str, item_type: str = "note") -> list[dict[str, Any]]:
        """Return what hangs on an item."""
        return [
            item
            for item in self.items.values()
            if item.get("parentItem") == parent and item["itemType"] == item_type
        ]

    def asked(self, method: str, path: str) -> list[Request]:
        """Return the requests of a method whose path ends so."""
        return [r for r in self.requests if r.method == method and r.path.endswith(path)]

    def answer(self, request: Request) -> tuple[Reply, int | None]:
        """Return the reply to a request, and after how many bytes it is cut."""
        self.on_request(request)
        with self._lock:
            self.requests.append(request)
            fault = next((f for f in self.faults if self._fits(f, request)), None)
            if fault is not None:
                self.faults.remove(fault)
                if fault.after:
                    self._reply(request)
                if fault.cut is not None and not fault.body:
                    return self._reply(request), fault.cut
                return Reply(fault.status, fault.body, dict(fault.headers)), fault.cut
            reply = self._reply(request)
            reply.headers = {"Zotero-API-Version": "3"} | reply.headers | self.headers
            return reply, None

    @contextmanager
    def running(self) -> Iterator[FakeZotero]:
        """Serve until the block ends."""
        thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield self
        finally:
            self._server.shutdown()
            self._server.server_close()
            thread.join()

    def _fits(self, fault: Fault, request: Request) -> bool:
        return fault.method in ("", request.method) and fault.path in request.path

    def _new_key(self) -> str:
        self._count += 1
        digits = "23456789ABCDEFGHIJKLMNPQRSTUVWXYZ"
        number, key = self._count, ""
        while len(key) < 8:
            number, rest = divmod(number, len(digits))
            key = digits[rest] + key
        return key

    def _reply(self, request: Request) -> Reply:
        if request.path.startswith("/storage/"):
            return Reply(200, self._stored(request.path.removeprefix("/storage/")))
        if request.headers.get("zotero-api-version") != "3":
            return Reply.text(400, "Ask for version 3")
        bearer = f"Bearer {self.api_key}"
        if self.api_key and request.headers.get("authorization") != bearer:
            return Reply.text(403, f"Invalid key {request.headers.get('authorization')}")
        prefix = f"/{self.library}/"
        if not request.path.startswith(prefix):
            return Reply.text(404, "Not found")
        rest = request.path.removeprefix(prefix).split("/")
        return self._in_library(request, rest)

    def _in_library(self, request: Request, rest: list[str]) -> Reply:
        if request.method == "POST" and rest == ["items"]:
            return self._write(request)
        if request.method != "GET":
            return Reply.text(405, "Method not allowed")
        since = int(request.query.get("since", 0))
        if rest == ["deleted"]:
            if since < self.log_begins:
                return Reply.text(409, "'since' is earlier than the log")
            gone = [key for version, key in self.deleted if version > since]
            return Reply.json({"collections": [], "items": gone, "searches": [], "tags": []})
        if rest == ["collections"]:
            return self._page([self._shell(c) for c in self.collections.values()], request)
        if rest == ["items"]:
            return self._items(request, since)
        return self._item(rest)

    def _items(self, request: Request, since: int) -> Reply:
        asked = request.headers.get("if-modified-since-version")
        if asked is not None and int(asked) >= self.version:
            return Reply(304)
        trash = request.query.get("includeTrashed") == "1"
        found = [i for i in self.items.values() if i["version"] > since]
        found = [i for i in found if trash or not i.get("deleted")]
        if request.query.get("format") == "versions":
            versions = {i["key"]: i["version"] for i in found}
            return Reply.json(versions, Last_Modified_Version=str(self.version))
        if "itemKey" in request.query:
            keys = request.query["itemKey"].split(",")
            if len(keys) > MOST_KEYS:
                return Reply.text(400, "Too many keys")
            found = [i for i in found if i["key"] in keys]
        return self._page([self._shell(i) for i in found], request)

    def _page(self, found: list[Any], request: Request) -> Reply:
        start = int(request.query.get("start", 0))
        limit = min(int(request.query.get("limit", DEFAULT_LIMIT)), MOST_LIMIT)
        headers = {"Total_Results": str(len(found)), "Last_Modified_Version": str(self.version)}
        if start + limit < len(found):
            link = f"{self.url}{request.path}?start={start + limit}&limit={limit}"
            headers["Link"] = f'<{link}>; rel="next"'
        return Reply.json(found[start : start + limit], **headers)

    def _item(self, rest: list[str]) -> Reply:
        item = self.items.get(rest[1]) if rest[0] == "items" and len(rest) > 1 else None
        if item is None:
            return Reply.text(404, "Not found")
        if len(rest) == 2:
            return Reply.json(self._shell(item), Last_Modified_Version=str(item["version"]))
        if rest[2:] != ["file"] or rest[1] not in self.files:
            return Reply.text(404, "Not found")
        headers = {"Location": f"{self.url}/storage/{rest[1]}"}
        if rest[1] in self.packed:
            headers["Zotero-File-Compressed"] = "Yes"
        return Reply(302, b"", headers)

    def _stored(self, key: str) -> bytes:
        return self.files[key]

    def _shell(self, item: dict[str, Any]) -> dict[str, Any]:
        kind, number = self.library.split("/")
        return {
            "key": item["key"],
            "version": item["version"],
            "library": {"type": kind.removesuffix("s"), "id": int(number), "name": "mine"},
            "links": {"self": {"href": f"https://api.zotero.org/{self.library}"}},
            "meta": {},
            "data": dict(item),
        }

    def _write(self, request: Request) -> Reply:
        if not self.may_write:
            return Reply.text(403, "Write access denied")
        token = request.headers.get("zotero-write-token")
        if token in self.tokens:
            return Reply.text(412, "Token was submitted")
        if len(request.body) > MOST_WRITTEN:
            return Reply.text(413, "Too many items")
        answer: dict[str, dict[str, Any]] = {
            name: {} for name in ("successful", "success", "unchanged", "failed")
        }
        wrote = False
        for number, data in enumerate(request.body):
            code, message = self._judge(data)
            if code:
                failure = {"key": data.get("key"), "code": code, "message": message}
                answer["failed"][str(number)] = failure
                continue
            wrote = self._keep(data, str(number), answer) or wrote
        if token and wrote:
            self.tokens.add(token)
        return Reply.json(answer, Last_Modified_Version=str(self.version))

    def _judge(self, data: dict[str, Any]) -> tuple[int, str]:
        key, version = data.get("key"), data.get("version")
        old = self.items.get(key or "")
        if key and not KEY.fullmatch(key):
            return 400, f"'{key}' is not a valid item key"
        if len(data.get("note", "")) > LONGEST_NOTE:
            return 413, "Note too long"
        if old and version is None:
            return 428, "Item version not provided"
        if old and version != old["version"]:
            return 412, (
                "Item has been modified since specified version "
                f"(expected {version}, found {old['version']})"
            )
        if not old and version:
            return 404, "Item doesn't exist"
        if not old and "itemType" not in data:
            return 400, "'itemType' property not provided"
        if not old and data.get("parentItem") not in (None, *self.items):
            return 409, "Parent item not found"
        return 0, ""

    def _keep(self, data: dict[str, Any], number: str, answer: dict[str, Any]) -> bool:
        key = data.get("key") or self._new_key()
        old = self.items.get(key)
        if old and all(old.get(name) == value for name, value in data.items()):
            answer["unchanged"][number] = key
            return False
        fields = {name: value for name, value in data.items() if name not in ("key", "version")}
        item_type = fields.pop("itemType", None) or (old or {})["itemType"]
        self.put(item_type, key=key, **fields)
        answer["success"][number] = key
        answer["successful"][number] = self._shell(self.items[key])
        return True


class _Handler(BaseHTTPRequestHandler):
    fake: FakeZotero
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self._answer(None)

    def do_POST(self) -> None:
        self._answer(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))

    def _answer(self, body: Any) -> None:
        url = urlsplit(self.path)
        query = {name: values[0] for name, values in parse_qs(url.query).items()}
        headers = {name.lower(): value for name, value in self.headers.items()}
        reply, cut = self.fake.answer(Request(self.command, url.path, query, headers, body))
        self.send_response(reply.status)
        for name, value in reply.headers.items():
            self.send_header(name, value)
        if reply.status != 304:
            self.send_header("Content-Length", str(len(reply.body)))
        self.end_headers()
        self.wfile.write(reply.body[:cut] if reply.status != 304 else b"")
        if cut is not None:
            self.close_connection = True

    def log_message(self, format: str, *args: object) -> None:
        """Stay silent."""
