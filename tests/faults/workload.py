"""Clients that upload, ask, cancel, retry and delete, each in a thread of its own."""

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

MOST_RESENT = 200
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


class Client(threading.Thread):
    """Sends one request after the other until it is told to stop.

    Everything it sends follows from its seed, as far as the answers are the same.
    """

    def __init__(
        self,
        number: int,
        seed: int,
        cluster: Cluster,
        history: History,
        known: Known,
        *,
        may_send: Callable[[], bool],
    ) -> None:
        super().__init__(name=f"client-{number}", daemon=True)
        self._number = number
        self._chance = random.Random(f"{seed}/{number}")
        self._cluster = cluster
        self._history = history
        self._known = known
        self._may_send = may_send
        self._stopping = threading.Event()
        self._count = 0
        self._https: dict[str, httpx2.Client] = {}
        self._acts: dict[Callable[[], None], int] = {
            self._send_text: 30,
            self._send_pdf: 12,
            self._send_several: 5,
            self._send_again: 6,
            self._send_broken: 2,
            self._ask: 14,
            self._cancel: 10,
            self._retry: 10,
            self._remove: 7,
            self._look: 10,
        }

    def run(self) -> None:
        """Send until `stop`."""
        acts, weights = list(self._acts), list(self._acts.values())
        while not self._stopping.wait(self._chance.uniform(0, 0.2)):
            act = self._chance.choices(acts, weights)[0]
            (act if self._may_send() else self._look)()
        for http in self._https.values():
            http.close()

    def stop(self) -> None:
        """Send nothing more; what is under way ends first."""
        self._stopping.set()

    def _send_text(self) -> None:
        project, text = self._chance.choice(self._known.projects), self._text(20, 400)
        self._known.texts.append((project, text))
        self._upload("text", project, {"json": {"text": text}}, [text.encode()])

    def _send_again(self) -> None:
        if self._known.texts:
            project, text = self._chance.choice(self._known.texts)
            self._upload("duplicate", project, {"json": {"text": text}}, [text.encode()], key=False)

    def _send_pdf(self) -> None:
        content = self._pdf(self._chance.randint(3, 14))
        files = [("file", (f"{self._tag()}.pdf", content))]
        self._upload("pdf", self._chance.choice(self._known.projects), {"files": files}, [content])

    def _send_several(self) -> None:
        contents = [self._text(20, 60).encode() for _ in range(3)]
        files = [("file", (f"{self._tag()}.txt", content)) for content in contents]
        project = self._chance.choice(self._known.projects)
        self._upload("several", project, {"files": files}, contents)

    def _send_broken(self) -> None:
        content = b"%PDF-1.7\n" + self._text(5, 9).encode()
        files = [("file", (f"{self._tag()}.pdf", content))]
        project = self._chance.choice(self._known.projects)
        self._upload("broken pdf", project, {"files": files}, [content])

    def _ask(self) -> None:
        question = f"Where is the {self._chance.choice(WORDS)} of {self._tag()}?"
        path = f"/v1/projects/{self._chance.choice(self._known.projects)}/chat"
        about = {"question": question}
        headers = {"Prefer": "respond-async"}
        self._deliver("chat", path, {"json": {"question": question}, "headers": headers}, about)

    def _cancel(self) -> None:
        self._on_a_job("cancel")

    def _retry(self) -> None:
        self._on_a_job("retry")

    def _on_a_job(self, action: str) -> None:
        if self._known.jobs:
            # Mostly a young one: it may still be open.
            jobs = self._known.jobs[-20:] if self._chance.random() < 0.7 else self._known.jobs
            job = self._chance.choice(jobs)
            self._once(action, "POST", f"/v1/jobs/{job}/{action}", {}, {"job": job})

    def _remove(self) -> None:
        if self._known.documents:
            document = self._chance.choice(self._known.documents)
            about = {"document": document}
            self._once("delete", "DELETE", f"/v1/documents/{document}", {}, about)

    def _look(self) -> None:
        if self._known.jobs and self._chance.random() < 0.5:
            self._once("job", "GET", f"/v1/jobs/{self._chance.choice(self._known.jobs)}", {}, {})
            return
        path = f"/v1/projects/{self._chance.choice(self._known.projects)}/search"
        body = {"json": {"query": self._chance.choice(WORDS)}}
        self._once("search", "POST", path, body, {})

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
        if key and self._chance.random() < 0.5:
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
        server = self._chance.choice(self._cluster.servers)
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
        return f"{self._number}x{self._count}"

    def _text(self, fewest: int, most: int) -> str:
        words = self._chance.choices(WORDS, k=self._chance.randint(fewest, most))
        sentences = [" ".join(words[start : start + 12]) for start in range(0, len(words), 12)]
        return f"Report {self._tag()}. " + ". ".join(sentences) + "."

    def _pdf(self, pages: int) -> bytes:
        document = FPDF()
        document.set_font("Helvetica", size=11)
        for _ in range(pages):
            document.add_page()
            document.multi_cell(0, 6, self._text(80, 160))
        return bytes(document.output())


def _content(answer: httpx2.Response) -> Any:
    is_json = "json" in answer.headers.get("content-type", "")
    return answer.json() if is_json and answer.content else answer.text
