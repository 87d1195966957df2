"""How many characters local OCR gets wrong on scanned French pages whose text is known.

The error of a page is the edit distance (insertions, deletions and replacements of characters)
between what was read and the known text, divided by the length of the known text, after both
were brought to Unicode's composed form (NFC) and every run of white space to one space. Marks of
the transcription (`_` before underlined words, `^`, `~~~` for handwriting) are taken out.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import time
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks import options
from benchmarks.report import Report
from ragline.errors import ConfigurationError
from ragline.providers import registry, tasks
from ragline.providers.contracts import OCR
from ragline.settings import Settings, load_settings

GOAL = 0.09
_MARKS = ("~~~", "_", "^")


def main() -> None:
    """Read every page with each engine and print the errors."""
    given = _options()
    report = Report("ocr", vars(given))
    pages = list(transcribed(options.test_data("ocr_truth"), given.group))[: given.pages]
    for name in given.engines:
        settings = load_settings(_env_file=None, ocr=name, ocr_dpi=given.dpi)
        try:
            (engine,) = registry.ocr_engines(settings)
        except ConfigurationError as error:
            print(f"\n{error.message}")
            continue
        rows = [_read(engine, settings, path, truth) for path, truth in pages]
        errors = [row["error"] for row in rows]
        report.table(
            f"{engine.name}, {given.group}",
            rows,
            f"{len(rows)} pages: mean error {statistics.fmean(errors):.4f} (goal {GOAL} or less), "
            f"median {statistics.median(errors):.4f}, worst {max(errors):.4f}; "
            f"{statistics.fmean(row['CPU s'] for row in rows):.2f} CPU-s a page.",
        )


def transcribed(folder: Path, group: str) -> Iterator[tuple[Path, str]]:
    """Yield the pages of a group whose whole text is known, with it."""
    for line in (folder / "manifest.jsonl").read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        page, truth = folder / f"{row['id']}.pdf", folder / f"{row['id']}.txt"
        if row["id"].startswith(f"{group}/") and row.get("truth_whole_page") and page.exists():
            yield page, truth.read_text(encoding="utf-8")


def character_error(read: str, truth: str) -> float:
    """Return the error of a page as this module defines it."""
    for mark in _MARKS:
        truth = truth.replace(mark, "")
    expected = _plain(truth)
    return distance(expected, _plain(read)) / max(len(expected), 1)


def distance(first: str, second: str) -> int:
    """Return the edit distance of two texts.

    A bit for each character of the first; source: G. Myers, A fast bit-vector algorithm for
    approximate string matching, Journal of the ACM 46 (1999), as H. Hyyrö (2003) gives it.
    """
    if not first:
        return len(second)
    everything = (1 << len(first)) - 1
    places: dict[str, int] = {}
    for place, character in enumerate(first):
        places[character] = places.get(character, 0) | 1 << place
    more, less, edits = everything, 0, len(first)
    for character in second:
        same = places.get(character, 0)
        down = ((((same & more) + more) ^ more) | same | less) & everything
        raised, lowered = less | ~(down | more) & everything, more & down
        edits += bool(raised >> len(first) - 1 & 1) - bool(lowered >> len(first) - 1 & 1)
        raised = raised << 1 | 1
        more = (lowered << 1 | ~(down | raised)) & everything
        less = raised & down & everything
    return edits


def _options() -> argparse.Namespace:
    parser = options.parser(__doc__)
    parser.add_argument("--engines", nargs="+", default=["tesseract"])
    parser.add_argument("--group", default="fr_typed", help="folder of pages")
    parser.add_argument("--dpi", type=int, default=int(Settings.model_fields["ocr_dpi"].default))
    parser.add_argument("--pages", type=int, default=1_000, help="most pages")
    return options.parsed(parser, "ocr_truth")


def _read(engine: OCR, settings: Settings, path: Path, truth: str) -> dict[str, Any]:
    most_pixels = settings.ocr_max_megapixels * 1_000_000
    began, used = time.perf_counter(), _cpu_seconds()
    page = tasks.read_page_here(engine, path, "application/pdf", 1, settings.ocr_dpi, most_pixels)
    assert page is not None, "an engine here answers for its one page"
    return {
        "page": path.stem,
        "characters": len(_plain(truth)),
        "error": character_error(page.text, truth),
        "confidence": page.confidence,
        "seconds": time.perf_counter() - began,
        "CPU s": _cpu_seconds() - used,
    }


def _cpu_seconds() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in used)


def _plain(text: str) -> str:
    return " ".join(unicodedata.normalize("NFC", text).split())


if __name__ == "__main__":
    main()
