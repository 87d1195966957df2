"""Builds samples/library from samples/prose, byte for byte the same each time.

    python samples/make_library.py [target directory]

The built-in PDF fonts need no font file; windows-1252 gives them œ, € and curly quotes. Nothing is
compressed by zlib, whose output differs between machines.
"""

import re
import shutil
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path

from fpdf import FPDF, FontFace
from PIL import Image, ImageDraw, ImageFont

HERE = Path(__file__).parent
PROSE = HERE / "prose"
CREATED = datetime(2025, 1, 1, tzinfo=UTC)
PDFS = [
    "aster-3-operating-manual",
    "carnet-des-cadrans-solaires",
    "histoire-du-moulin-de-saint-alban-des-eaux",
    "keepers-log-of-the-orrin-light",
    "lichens-of-port-orrin",
    "returns-and-warranty-policy",
]
COPIES = [
    "caring-for-wool-blankets.html",
    "lantern-2-home-server-manual.md",
    "reglement-de-la-bibliotheque.txt",
]
INK, ACCENT, PALE = (34, 34, 38), (24, 84, 92), (232, 240, 240)
NBSP = "\u00a0"


def typeset(text: str, language: str) -> str:
    """Give plain typing its curly quotes and, in French, its spaces that never break."""
    text = text.replace("'", "’")
    text = re.sub(r'"([^"]*)"', r"“\1”", text)
    text = re.sub(r"(?<=\d) (?=(kg|g|kW|W|V|Hz|mbar|m|cm|mm|h|s)\b|[°%€])", NBSP, text)
    if language == "fr":
        text = re.sub(r" ([:;?!»])", NBSP + r"\1", text).replace("« ", "«" + NBSP)
        text = re.sub(r"(?<=\d) (?=\d{3}\b)", NBSP, text)
    return re.sub(r"(?<!\*)\*([^*]+)\*(?!\*)", r"__\1__", text)


def read_prose(path: Path) -> tuple[dict[str, str], list[list[str]]]:
    """Split a prose file into its `key: value` head and its blocks of lines."""
    head, body = path.read_text(encoding="utf-8").split("\n\n", 1)
    fields = dict(line.split(": ", 1) for line in head.splitlines())
    return fields, [block.strip().splitlines() for block in body.split("\n\n")]


def list_items(lines: list[str]) -> Iterator[tuple[str, str]]:
    """Yield each item of a list as its mark and its text, continuation lines joined."""
    items = re.split(r"\n(?=- |\d+\. )", "\n".join(lines))
    for item in items:
        mark, text = item.split(" ", 1)
        yield ("•" if mark == "-" else mark), text.replace("\n", " ")


class Paper(FPDF):
    """An A4 document with a title, headings, tables, lists and numbered pages."""

    def __init__(self, title: str, subtitle: str, language: str) -> None:
        super().__init__(format="A4")
        self.core_fonts_encoding = "windows-1252"
        self.set_compression(False)
        self.set_creation_date(CREATED)
        self.set_producer("samples/make_library.py")
        self.set_lang(language)
        self.language = language
        self.scans: set[int] = set()
        self.set_title(typeset(title, language))
        self.set_margins(26, 24, 26)
        self.c_margin = 0
        self.set_auto_page_break(True, margin=26)
        self.add_page()
        self._title_block(subtitle)

    def footer(self) -> None:
        """Print the title and the page number, as FPDF asks for each page."""
        if self.page_no() in self.scans:
            return
        self.set_y(-17)
        self.set_font("Helvetica", size=8)
        self.set_text_color(110)
        self.cell(self.epw - 16, 5, self.title)
        self.cell(16, 5, f"Page {self.page_no()} / {{nb}}")

    def _title_block(self, subtitle: str) -> None:
        self.set_font("Helvetica", "B", 18.5)
        self.set_text_color(*ACCENT)
        self.multi_cell(0, 9, self.title, align="L", new_x="LMARGIN", new_y="NEXT")
        self.ln(1)
        self.set_font("Times", "I", 12)
        self.set_text_color(90)
        subtitle = typeset(subtitle, self.language)
        self.multi_cell(0, 6, subtitle, align="L", new_x="LMARGIN", new_y="NEXT")
        self.ln(3)
        self.set_draw_color(*ACCENT)
        self.set_line_width(0.5)
        self.line(self.l_margin, self.get_y(), self.w - self.r_margin, self.get_y())
        self.ln(4)

    def heading(self, text: str, level: int) -> None:
        """Print a heading, on the next page if too little would follow it."""
        if self.will_page_break(38):
            self.add_page()
        self.ln(3 if level == 1 else 1)
        self.set_font("Helvetica", "B", 14 if level == 1 else 11.5)
        self.set_text_color(*ACCENT)
        text = typeset(text, self.language)
        self.start_section(text, level=level - 1)
        self.multi_cell(0, 7, text, align="L", new_x="LMARGIN", new_y="NEXT")
        self.ln(1)

    def paragraph(self, text: str) -> None:
        """Print a paragraph of running text."""
        self._prose(text)
        self.ln(2.2)

    def items(self, lines: list[str]) -> None:
        """Print a list with hanging marks."""
        for mark, text in list_items(lines):
            self._prose(text, mark=mark)
            self.ln(0.8)
        self.ln(1.8)

    def grid(self, lines: list[str]) -> None:
        """Print a table that stays on one page."""
        rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
        del rows[1]
        if self.will_page_break(7 * len(rows) + 6):
            self.add_page()
        self.set_font("Times", size=10.5)
        self.set_text_color(*INK)
        self.set_draw_color(170)
        self.set_line_width(0.2)
        self.ln(1)
        widths = [max(len(row[i]) for row in rows) + 6 for i in range(len(rows[0]))]
        with self.table(
            col_widths=widths,
            line_height=5.4,
            padding=(0.6, 1.5),
            text_align="LEFT",
            borders_layout="HORIZONTAL_LINES",
            headings_style=FontFace(emphasis="BOLD", color=ACCENT, fill_color=PALE),
            markdown=True,
        ) as table:
            for row in rows:
                table.row([typeset(cell, self.language) for cell in row])
        self.ln(4)

    def scan(self, text: str) -> None:
        """Give a whole page to a picture of text, as a scanner does: no words, no footer."""
        picture = BytesIO()
        typed_leaf(text).save(picture, "JPEG", quality=50)
        self.add_page()
        self.set_auto_page_break(False)
        self.image(picture, 0, 0, self.w, self.h)
        self.scans.add(self.page_no())
        self.add_page()
        self.set_auto_page_break(True, margin=26)

    def block(self, lines: list[str]) -> None:
        """Print one block of a prose file, whatever its kind."""
        first = lines[0]
        if first.startswith("#"):
            marks, text = first.split(" ", 1)
            self.heading(text, len(marks))
        elif first.startswith("|"):
            self.grid(lines)
        elif re.match(r"- |\d+\. ", first):
            self.items(lines)
        elif first.startswith("\\scan "):
            self.scan((PROSE / first.split(" ", 1)[1]).read_text(encoding="utf-8"))
        else:
            self.paragraph(" ".join(lines))

    def _prose(self, text: str, *, mark: str = "") -> None:
        """Print text that stays whole, so that no sentence is torn between two pages."""
        self.set_font("Times", size=11.5)
        self.set_text_color(*INK)
        text = typeset(text, self.language)
        indent = 10 if mark else 0
        width = self.epw - indent
        flow = {"align": "L", "markdown": True, "new_x": "LMARGIN", "new_y": "NEXT"}
        height = self.multi_cell(width, 5.5, text, dry_run=True, output="HEIGHT", **flow)
        if self.will_page_break(height):
            self.add_page()
        if mark:
            self.set_x(self.l_margin + 3)
            self.cell(7, 5.5, mark)
        self.multi_cell(width, 5.5, text, **flow)


def typed_leaf(text: str) -> Image.Image:
    """Draw text on yellowed paper, slightly askew; columns are parted by two or more spaces."""
    leaf = Image.new("RGB", (1000, 1414), (243, 236, 220))
    draw = ImageDraw.Draw(leaf)
    font = ImageFont.load_default(27)
    for number, line in enumerate(text.splitlines()):
        columns = re.split(r" {2,}", line)
        step = 600 if "Leaf" in line else 150
        for column, words in enumerate(columns):
            draw.text((130 + step * column, 120 + 38 * number), words, (48, 44, 40), font=font)
    draw.line((130, 165, 870, 165), (48, 44, 40), 2)
    return leaf.rotate(0.7, Image.Resampling.BICUBIC, fillcolor=(226, 218, 200))


def make_pdf(prose: Path) -> bytes:
    """Lay out one prose file as a PDF."""
    head, blocks = read_prose(prose)
    paper = Paper(head["title"], head["subtitle"], head["language"])
    for lines in blocks:
        paper.block(lines)
    return bytes(paper.output())


def make_library(target: Path) -> None:
    """Write every document of the library into a directory."""
    target.mkdir(parents=True, exist_ok=True)
    for name in PDFS:
        (target / f"{name}.pdf").write_bytes(make_pdf(PROSE / f"{name}.md"))
    for name in COPIES:
        shutil.copyfile(PROSE / name, target / name)


if __name__ == "__main__":
    make_library(Path(sys.argv[1]) if len(sys.argv) > 1 else HERE / "library")
