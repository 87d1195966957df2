"""Parsing in the compute pool: real files, and a parent that loads no parser."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from tests.providers.parsers.made_documents import docx, paragraph

from ragline.errors import UnreadableFile, UnsupportedMediaType
from ragline.providers.contracts import PageText
from ragline.providers.parsers.media_types import DOCX
from ragline.providers.parsers.tasks import count_pages, outline, read_pages

PDF = "application/pdf"
BATCH = 32
DATA = os.environ.get("RAGLINE_TEST_DATA")
FOLDER = Path(DATA or "/nowhere") / "pdfs"
FILES = sorted(str(path.relative_to(FOLDER)) for path in FOLDER.glob("*/*.pdf"))

needs_data = pytest.mark.skipif(
    not DATA, reason="RAGLINE_TEST_DATA does not point at the real input"
)


def read_all(pool, limits, path):
    count = pool.run(count_pages, path, PDF, limits=limits)
    pages = []
    for first in range(1, count + 1, BATCH):
        last = min(first + BATCH - 1, count)
        pages += pool.run(read_pages, path, PDF, first, last, limits=limits)
    return count, pages


@pytest.mark.data
@needs_data
@pytest.mark.parametrize("name", FILES)
def test_every_file(pool, limits, name):
    """Each real file yields all its pages or a sentence, and the pool goes on."""
    try:
        count, pages = read_all(pool, limits, FOLDER / name)
    except UnreadableFile as error:
        outcome = error.message.endswith(".")
    else:
        numbers = [page.number for page in pages] == list(range(1, count + 1))
        text = "".join(page.text for page in pages)
        outcome = numbers and "\0" not in text and text.encode("utf-8") is not None

    assert outcome
    assert pool.run(os.getpid, limits=limits) != os.getpid()


@pytest.mark.data
@needs_data
@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("encrypted/aes-256-r6.pdf", "needs a password"),
        ("broken/empty.pdf", "is empty"),
        ("broken/invalid.pdf", "damaged or cut off"),
        ("broken/poppler-395-0-fuzzed.pdf", "damaged or cut off"),
    ],
)
def test_sentences(pool, limits, name, sentence):
    """A file that cannot be read says why."""
    with pytest.raises(UnreadableFile, match=sentence):
        pool.run(count_pages, FOLDER / name, PDF, limits=limits)


@pytest.mark.data
@needs_data
@pytest.mark.parametrize(
    "name", ["maths/GeoTopo-komprimiert.pdf", "en_multicolumn/redp5110_sampled.pdf"]
)
def test_known_text(pool, limits, name):
    """Nearly all words of the known text are found."""
    truth = (FOLDER / f"{name}.truth.txt").read_text(encoding="utf-8")
    _, pages = read_all(pool, limits, FOLDER / name)
    wanted = set(re.findall(r"[^\W\d_]{4,}", truth.lower()))
    found = set(re.findall(r"[^\W\d_]{4,}", " ".join(page.text for page in pages).lower()))

    assert len(wanted & found) / len(wanted) > 0.9


def test_text_in_the_pool(pool, limits, tmp_path):
    """Other formats go through the same door."""
    path = tmp_path / "note.md"
    path.write_text("# Title\fSecond")

    assert [
        page.text for page in pool.run(read_pages, path, "text/markdown", 1, 2, limits=limits)
    ] == [
        "# Title",
        "Second",
    ]


def test_outline(pool, limits, tmp_path):
    """One call tells who reads a file and how many pages it has."""
    path = tmp_path / "note.txt"
    path.write_text("one\ftwo")

    assert pool.run(outline, path, "text/plain", limits=limits) == ("text-1", 2)


def test_docx_in_the_pool(pool, limits, tmp_path):
    """A library that was imported before its process was forked works in every child."""
    path = tmp_path / "letter.docx"
    path.write_bytes(docx(paragraph("Dear all")))

    assert pool.run(read_pages, path, DOCX, 1, 1, limits=limits) == [PageText(1, "Dear all")]


def test_unknown_type(pool, limits, tmp_path):
    """A type that nothing reads is refused by name."""
    with pytest.raises(UnsupportedMediaType, match="image/gif"):
        pool.run(count_pages, tmp_path, "image/gif", limits=limits)


def test_parent_loads_no_parser():
    """Asking what can be read, and who reads it, loads no parser library."""
    script = (
        "import sys\n"
        "from ragline.providers.parsers import tasks, detect\n"
        "from ragline.providers import registry\n"
        "[registry.parser_for(one).name for one in registry.readable_media_types()]\n"
        "print(sorted({'pypdfium2', 'pypdfium2_raw', 'kreuzberg', 'lxml'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )

    assert done.stdout.strip() == "[]"
