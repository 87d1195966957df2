"""A library of real files in one archive, and what must hold once it was imported."""

from __future__ import annotations

import json
import re
import sqlite3
import zipfile
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from itertools import chain, islice
from pathlib import Path
from typing import Any

from ragline.providers import registry
from ragline.settings import load_settings
from tests.imports.packing import export, zotero_item
from tests.ingestion.noisy import noisy_file
from tests.servers import RunningServer

ENDED = ("completed", "failed", "cancelled")
DIGITAL = ("fr_digital", "en_article", "en_multicolumn", "slides", "tables", "other_language")
TEXTS = ("piaf_fr_dev500", "scifact_train", "cranfield", "xquad_en2en")
ROWS_OF_TABLE = 5
NOISY = 3
PAGES_OF_NOISY = 4


def pack(folder: Path, test_data: Path, documents: int) -> Path:
    """Write an archive of so many documents and return its path.

    A tenth are PDFs with a text of their own, a few are pictures of pages, both as attachments
    of a Zotero export; some are Word files that were read badly, some are rows of a table, the
    rest are texts.
    """
    path = folder / "library.zip"
    scanned = _scanned(test_data, max(1, documents // 100))
    attached = [*_digital(test_data, documents // 10), *scanned]
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        items = []
        for number, file in enumerate(attached):
            name = f"files/{number}/{file.name}"
            archive.write(file, name)
            items.append(zotero_item(f"ITEM{number:04d}", f"Work {number}", name))
        archive.writestr("library.json", export(*items))
        for number in range(NOISY):
            first = number * PAGES_OF_NOISY
            content = noisy_file(*range(first, first + PAGES_OF_NOISY))
            archive.writestr(f"noisy/{number}.docx", content)
        texts = _texts(test_data)
        rows = [f'{number};"{_cell(next(texts))}"' for number in range(ROWS_OF_TABLE)]
        archive.writestr("table.csv", "\n".join(["id;text", *rows]))
        left = documents - len(attached) - NOISY - ROWS_OF_TABLE
        for number, text in enumerate(islice(texts, left)):
            archive.writestr(f"texts/{number:04d}.txt", text)
    return path


def _digital(test_data: Path, count: int) -> list[Path]:
    found = [each for name in DIGITAL for each in sorted((test_data / "pdfs" / name).glob("*.pdf"))]
    return sorted(found, key=lambda path: path.stat().st_size)[:count]


def _scanned(test_data: Path, count: int) -> list[Path]:
    found = sorted((test_data / "ocr_truth" / "fr_typed").glob("*.pdf"))
    return sorted(found, key=lambda path: path.stat().st_size)[:count]


def _texts(test_data: Path) -> Iterator[str]:
    """Yield different texts, from one set after the other."""
    corpora = (test_data / "retrieval" / name / "corpus.jsonl" for name in TEXTS)
    lines = chain.from_iterable(path.read_text(encoding="utf-8").splitlines() for path in corpora)
    texts = (str(json.loads(line).get("text", "")).strip() for line in lines)
    return iter(dict.fromkeys(text for text in texts if text))


def _cell(text: str) -> str:
    return " ".join(text.replace('"', "'").split())


def flaws(server: RunningServer) -> list[str]:
    """Return a sentence for each thing that is not as it must be; the server starts anew."""
    found = [*_twice_read(server.log_path.read_text())]
    with closing(database(server)) as rows:
        for name, query in _NONE.items():
            found += [f"{name}: {row}" for row in rows.execute(query).fetchall()]
        found += _events(rows)
        chunks = Counter(dict(rows.execute(_PUBLISHED)))
    server.stop()
    found += _vectors(server, chunks)
    server.start()
    return found


def database(server: RunningServer) -> sqlite3.Connection:
    """Open the server's database for reading."""
    return sqlite3.connect(server.data_dir / "ragline.db", timeout=30)


def number_of(server: RunningServer, query: str, *values: object) -> float:
    """Return what a query counts."""
    with closing(database(server)) as rows:
        return float(rows.execute(query, values).fetchone()[0])


def _twice_read(log: str) -> Iterator[str]:
    """Yield the pages that were read although their text was stored before."""
    stored: set[tuple[str, int]] = set()
    for line in log.splitlines():
        if not re.search(r'"event": "pages\.(read|stored)"', line):
            continue
        entry = json.loads(line)
        pages = {(entry["document_id"], n) for n in range(entry["first"], entry["last"] + 1)}
        if entry["event"] == "pages.stored":
            stored |= pages
        elif again := pages & stored:
            yield f"pages read twice: {sorted(again)}"


def _events(rows: sqlite3.Connection) -> Iterator[str]:
    """Yield the jobs whose events have gaps or not exactly one end."""
    of_job: dict[str, list[tuple[int, str]]] = {}
    query = "SELECT job_id, number, type FROM events ORDER BY job_id, number"
    for job, number, kind in rows.execute(query):
        of_job.setdefault(job, []).append((number, kind))
    for job, events in of_job.items():
        ends = [kind for _, kind in events if kind.removeprefix("job.") in ENDED]
        if [number for number, _ in events] != list(range(1, len(events) + 1)) or len(ends) != 1:
            yield f"events of {job}: {events}"


def _vectors(server: RunningServer, chunks: Counter[str]) -> Iterator[str]:
    """Yield the documents that have not one vector a passage; the server is down meanwhile."""
    settings = load_settings(_env_file=None, data_dir=server.data_dir)
    store: Any = registry.vector_store("qdrant_edge", settings, dimensions=512)
    try:
        for document, count in chunks.items():
            if store.count(document_id=document) != count:
                yield f"vectors of {document}: {store.count(document_id=document)} of {count}"
        if store.count() != chunks.total():
            yield f"vectors in all: {store.count()} of {chunks.total()}"
    finally:
        store.close()


_PUBLISHED = (
    "SELECT d.id, count(*) FROM documents d JOIN chunks c ON c.document_id = d.id"
    " AND c.version = d.published_version GROUP BY d.id"
)
# Queries that must find nothing.
_NONE = {
    "content twice": "SELECT content_hash FROM documents WHERE content_hash IS NOT NULL"
    " GROUP BY project_id, content_hash HAVING count(*) > 1",
    "external id twice": "SELECT external_id FROM documents GROUP BY project_id, external_id"
    " HAVING count(*) > 1",
    "job twice": "SELECT document_id FROM jobs WHERE kind = 'ingest' GROUP BY document_id"
    " HAVING count(*) > 1",
    "passage twice": "SELECT document_id, version, ordinal FROM chunks"
    " GROUP BY document_id, version, ordinal HAVING count(*) > 1",
    "passages of another version": "SELECT c.id FROM chunks c JOIN documents d"
    " ON d.id = c.document_id WHERE c.version IS NOT d.published_version",
    "pages missing": "SELECT d.id, d.page_count, count(p.number) FROM documents d"
    " LEFT JOIN pages p ON p.document_id = d.id GROUP BY d.id"
    " HAVING count(p.number) != d.page_count",
    "cost of a job": "SELECT j.id, j.cost, total(c.cost) FROM jobs j LEFT JOIN paid_calls c"
    " ON c.job_id = j.id WHERE j.kind = 'ingest' GROUP BY j.id"
    " HAVING abs(j.cost - total(c.cost)) > 1e-9",
    "pages and clean-up against the job": "SELECT j.id, j.cost FROM jobs j WHERE j.kind = 'ingest'"
    " AND abs(j.cost - (SELECT total(p.cost) FROM pages p WHERE p.document_id = j.document_id)"
    " - (SELECT total(c.cost) FROM paid_calls c WHERE c.job_id = j.id AND c.purpose = 'clean'))"
    " > 1e-9",
    "cost of the import": "SELECT p.id, p.cost FROM jobs p WHERE p.kind = 'import' AND"
    " abs(p.cost - (SELECT total(j.cost) FROM jobs j WHERE j.parent_id = p.id)) > 1e-9",
}
