"""What clients do: upload, ask, cancel, retry, delete; at random, or to reach a failpoint."""

from __future__ import annotations

import hashlib
import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import httpx2
from fpdf import FPDF

from tests.faults.cluster import Cluster
from tests.faults.history import History, Sent
from tests.servers import RunningServer

MOST_RESENT = 200
SOON_SECONDS = 3
_VOCABULARY = (
    "river mountain library engine paper winter signal garden bridge copper letter morning "
    "valley harbour window journey silver meadow thunder lantern orchard pebble sailor market"
)
WORDS = _VOCABULARY.split()


@dataclass
class Known:
    """What clients may act upon: what was accepted so far, by any of them."""

    projects: list[str]
    jobs: list[str] = field(default_factory=list)
    documents: list[str] = field(default_factory=list)
    texts: list[tuple[str, str]] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)
    """Documents that nobody deletes, so that questions find something to be answered from."""


class Acts:
    """What can be asked of a cluster; each request is noted in the history.

    Everything it sends follows from its seed, as far as the answers are the same. While `only`
    is set, all requests go to that server.
    """

    def __init__(
        self, name: str, seed: int, cluster: Cluster, history: History, known: Known
    ) -> None:
        self.chance = random.Random(f"{seed}/{name}")
        self.only: RunningServer | None = None
        self._name = name
        self._cluster = cluster
        self._history = history
        self._known = known
        self._stopping = threading.Event()
        self._count = 0
        self._https: dict[str, httpx2.Client] = {}

    def stop(self) -> None:
        """Wait no more between requests."""
        self._stopping.set()

    def close(self) -> None:
        """Close all connections."""
        for http in self._https.values():
            http.close()

    def send_text(self) -> None:
        project, text = self.chance.choice(self._known.projects), self._text(20, 400)
        self._known.texts.append((project, text))
        self._upload("text", project, {"json": {"text": text}}, [text.encode()])

    def send_again(self) -> None:
        if self._known.texts:
            project, text = self.chance.choice(self._known.texts)
            self._upload("duplicate", project, {"json": {"text": text}}, [text.encode()], key=False)

    def send_pdf(self) -> None:
        content = self._pdf(self.chance.randint(3, 10))
        files = [("file", (f"{self._tag()}.pdf", content))]
        self._upload("pdf", self.chance.choice(self._known.projects), {"files": files}, [content])

    def send_several(self) -> None:
        contents = [self._text(20, 60).encode() for _ in range(3)]
        files = [("file", (f"{self._tag()}.txt", content)) for content in contents]
        project = self.chance.choice(self._known.projects)
        self._upload("several", project, {"files": files}, contents)

    def send_broken(self) -> None:
        content = b"%PDF-1.7\n" + self._text(5, 9).encode()
        files = [("file", (f"{self._tag()}.pdf", content))]
        project = self.chance.choice(self._known.projects)
        self._upload("broken pdf", project, {"files": files}, [content])

    def ask(self) -> None:
        question = f"Where is the {self.chance.choice(WORDS)} of {self._tag()}?"
        path = f"/v1/projects/{self.chance.choice(self._known.projects)}/chat"
        about = {"question": question}
        headers = {"Prefer": "respond-async"}
        self._deliver("chat", path, {"json": {"question": question}, "headers": headers}, about)

    def cancel(self) -> None:
        self._on_a_job("cancel")

    def retry(self) -> None:
        self._on_a_job("retry")

    def _on_a_job(self, action: str) -> None:
        if self._known.jobs:
            # Mostly a young one: it may still be open.
            jobs = self._known.jobs[-20:] if self.chance.random() < 0.7 else self._known.jobs
            job = self.chance.choice(jobs)
            self._once(action, "POST", f"/v1/jobs/{job}/{action}", {}, {"job": job})

    def remove(self) -> None:
        if self._known.documents:
            document = self.chance.choice(self._known.documents)
            about = {"document": document}
            self._once("delete", "DELETE", f"/v1/documents/{document}", {}, about)

    def look(self) -> None:
        if self._known.jobs and self.chance.random() < 0.5:
            self._once("job", "GET", f"/v1/jobs/{self.chance.choice(self._known.jobs)}", {}, {})
            return
        path = f"/v1/projects/{self.chance.choice(self._known.projects)}/search"
        body = {"json": {"query": self.chance.choice(WORDS)}}
        self._once("search", "POST", path, body, {})

    def cancel_begun(self) -> None:
        """Cancel a job that runs; without one, have one soon."""
        self.send_pdf()
        if job := self._soon(_RUNNING):
            self._once("cancel", "POST", f"/v1/jobs/{job}/cancel", {}, {"job": job})

    def end_soon(self) -> None:
        """Have a job that has ended, without the work that other ends take."""
        self.send_text()
        if self._known.jobs:
            job = self._known.jobs[-1]
            self._once("cancel", "POST", f"/v1/jobs/{job}/cancel", {}, {"job": job})

    def retry_ended(self) -> None:
        """Retry a job that failed or was cancelled; without one, have one soon."""
        if (job := self._one_of(_RETRIABLE)) is None:
            self.end_soon()
            job = self._soon(_RETRIABLE)
        if job:
            self._once("retry", "POST", f"/v1/jobs/{job}/retry", {}, {"job": job})

    def remove_ended(self) -> None:
        """Delete a document whose job has ended; without one, have one soon."""
        if (document := self._one_of(_DELETABLE)) is None:
            self.end_soon()
            document = self._soon(_DELETABLE)
        if document:
            about = {"document": document}
            self._once("delete", "DELETE", f"/v1/documents/{document}", {}, about)

    def clean_up(self) -> None:
        """Have strays removed."""
        self._once("cleanup", "POST", "/v1/admin/cleanup", {}, {})

    def _soon(self, query: str) -> str | None:
        deadline = time.monotonic() + SOON_SECONDS
        while (found := self._one_of(query)) is None and time.monotonic() < deadline:
            time.sleep(0.02)
        return found

    def _one_of(self, query: str) -> str | None:
        found = [row[0] for row in self._cluster.rows(query)]
        kept = [each for each in found if each not in self._known.kept]
        return self.chance.choice(sorted(kept)) if kept else None

    def _upload(
        self,
        action: str,
        project: str,
        body: dict[str, Any],
        contents: list[bytes],
        *,
        key: bool = True,
    ) -> None:
        about: dict[str, Any] = {
            "project": project,
            "contents": [hashlib.sha256(content).hexdigest() for content in contents],
        }
        if key and self.chance.random() < 0.5:
            about["key"] = f"key-{self._tag()}"
            body = body | {"headers": {"Idempotency-Key": about["key"]}}
        self._deliver(action, f"/v1/projects/{project}/documents", body, about)

    def _deliver(self, action: str, path: str, body: dict[str, Any], about: dict[str, Any]) -> None:
        """Send, and under an Idempotency-Key again until there is an answer."""
        for _ in range(MOST_RESENT if "key" in about else 1):
            sent = self._once(action, "POST", path, body, about)
            if sent.status is not None and sent.status < 500:
                return
            time.sleep(0.5)

    def _once(
        self, action: str, method: str, path: str, body: dict[str, Any], about: dict[str, Any]
    ) -> Sent:
        server = self.only or self.chance.choice(self._cluster.servers)
        http = self._https.setdefault(server.url, self._cluster.http(server))
        with self._history.sending(action, server.url, **about) as sent:
            try:
                answer = http.request(method, path, **body)
            except httpx2.TransportError as error:
                sent.error = repr(error)
                # Nobody answers until the next process is up.
                self._stopping.wait(0.2)
            else:
                sent.status, sent.answer = answer.status_code, _content(answer)
        if sent.status in (200, 202) and method == "POST":
            self._known.documents += sent.document_ids
            self._known.jobs += [sent.job_id] if sent.job_id else []
        return sent

    def _tag(self) -> str:
        self._count += 1
        return f"{self._name}x{self._count}"

    def _text(self, fewest: int, most: int) -> str:
        words = self.chance.choices(WORDS, k=self.chance.randint(fewest, most))
        sentences = [" ".join(words[start : start + 12]) for start in range(0, len(words), 12)]
        return f"Report {self._tag()}. " + ". ".join(sentences) + "."

    def _pdf(self, pages: int) -> bytes:
        document = FPDF()
        document.set_font("Helvetica", size=11)
        for _ in range(pages):
            document.add_page()
            document.multi_cell(0, 6, self._text(80, 160))
        return bytes(document.output())


class Client(threading.Thread):
    """Sends one request after the other until it is told to stop."""

    def __init__(self, acts: Acts, *, may_send: Callable[[], bool]) -> None:
        super().__init__(name="client", daemon=True)
        self._acts = acts
        self._may_send = may_send
        self._stopping = threading.Event()
        self._weights: dict[Callable[[], None], int] = {
            acts.send_text: 24,
            acts.send_pdf: 14,
            acts.send_several: 5,
            acts.send_again: 6,
            acts.send_broken: 2,
            acts.ask: 26,
            acts.cancel: 10,
            acts.retry: 8,
            acts.remove: 6,
            acts.look: 8,
        }

    def run(self) -> None:
        """Send until `stop`."""
        chance, weights = self._acts.chance, self._weights
        while not self._stopping.wait(chance.uniform(0, 0.2)):
            act = chance.choices(list(weights), list(weights.values()))[0]
            if self._may_send():
                act()
            else:
                # More than a look now and then would take the processor from the work.
                self._acts.look()
                self._stopping.wait(0.5)
        self._acts.close()

    def stop(self) -> None:
        """Send nothing more; what is under way ends first."""
        self._stopping.set()
        self._acts.stop()


_RUNNING = (
    "SELECT id FROM jobs WHERE kind = 'ingest' AND outcome IS NULL AND started_at IS NOT NULL"
    " AND cancel_requested_at IS NULL"
)
_OF_LATEST = "FROM jobs j JOIN documents d ON d.id = j.document_id AND d.latest_version = j.version"
_RETRIABLE = f"SELECT j.id {_OF_LATEST} WHERE j.outcome IN ('failed', 'cancelled')"
_DELETABLE = f"SELECT d.id {_OF_LATEST} WHERE j.outcome IS NOT NULL"


def _content(answer: httpx2.Response) -> Any:
    is_json = "json" in answer.headers.get("content-type", "")
    return answer.json() if is_json and answer.content else answer.text
