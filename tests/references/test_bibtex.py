"""BibTeX and BibLaTeX."""

from __future__ import annotations

import pytest
from tests.references.made import one, read

from ragline.errors import UnreadableFile
from ragline.references.reading import detect_format, read_references

ARTICLE = r"""
@article{godel1931,
  author = {G{\"o}del, Kurt and van der Waals, J. D. and {World Bank} and others},
  title = {{\"U}ber formal unentscheidbare S\"atze der \emph{Principia} \& mehr},
  journal = jan # " Monatshefte",
  year = 1931, month = feb,
  pages = {173--198},
  doi = {10.1007/BF01700692},
  url = {https://example.org/a\_b%20c~d},
  keywords = {logic, sets},
  abstract = {On na\"{\i}ve things.},
}
"""


def test_article() -> None:
    """Accents, macros, names, pages and months are read."""

    work = one(ARTICLE)

    assert "citekey:godel1931" == work.identity
    assert "Über formal unentscheidbare Sätze der Principia & mehr" == work.title
    assert ["Gödel, Kurt", "van der Waals, J. D.", "World Bank"] == work.metadata()["authors"]
    assert ({"date-parts": [[1931, 2]]}, "173-198") == (work.csl["issued"], work.csl["page"])
    assert "January Monatshefte" == work.csl["container-title"]
    assert "https://example.org/a_b%20c~d" == work.csl["URL"]
    assert (("logic", "sets"), "On naïve things.") == (work.tags, work.abstract)


def test_macros() -> None:
    """A macro stands for its text; one that nobody defined for its name."""

    text = '@string{nat = "Nature"}\n@article{a, title={T}, journal=nat # " Physics", note=who}'

    work = one(text)

    assert ("Nature Physics", ("who",)) == (work.csl["container-title"], work.notes)


def test_crossref() -> None:
    """A part takes what it lacks from the book it refers to, whose title is the container's."""

    text = (
        "@inproceedings{part, title={Part}, crossref={WHOLE}}\n"
        "@proceedings{whole, title={Proceedings}, year={2001}, publisher={ACM}}\n"
        "@book{loop, title={L}, crossref={loop}}"
    )

    part = read(text).references[0]

    assert ("Part", "Proceedings", "ACM") == (
        part.title,
        part.csl["container-title"],
        part.csl["publisher"],
    )
    assert 2001 == part.metadata()["year"]


@pytest.mark.parametrize(
    ("field", "paths"),
    [
        (r":Smith2001.pdf:PDF", ["Smith2001.pdf"]),
        (r"Full text:C\:\\Users\\me\\a\;b.pdf:application/pdf", [r"C:\Users\me\a;b.pdf"]),
        (r":C:\Users\me\a.pdf:PDF", [r"C:\Users\me\a.pdf"]),
        (r"A:files/1/a.pdf:application/pdf;B:files/2/b.pdf:application/pdf",
         ["files/1/a.pdf", "files/2/b.pdf"]),
        (r"files/12/Étude\: tome 1.pdf", ["files/12/Étude: tome 1.pdf"]),
        (r"/home/me/x.pdf;/home/me/y.pdf", ["/home/me/x.pdf", "/home/me/y.pdf"]),
        (r"PDF:/home/me/x.pdf", ["/home/me/x.pdf"]),
        (r"x.pdf:PDF", ["x.pdf"]),
        (r"file:///home/me/x%20y.pdf", ["file:///home/me/x%20y.pdf"]),
        (r";;:", []),
    ],
)  # fmt: skip
def test_files(field: str, paths: list[str]) -> None:
    """The `file` field is read as JabRef, Zotero and Better BibTeX write it."""

    work = one(f"@book{{a, title={{T}}, file={{{field}}}}}")

    assert paths == [file.path for file in work.attachments]


def test_broken_entries_lose_no_other() -> None:
    """An entry that was never closed, or is cut off, takes none of the others with it."""

    text = (
        "@article{open, title={No end, author={A}\n"
        "@article{good, title={Good}}\n"
        "@book{braces, title={" + "{" * 5000 + "}" * 4999 + "}\n"
        "@comment{jabref-meta: x}\n"
        "@misc{ , }\n"
        "@article{dup, title={One}} @article{dup, title={Two}}\n"
        "@article{cut, title={Cu"
    )

    library = read(text)

    assert ["Good", "One", "Two"] == [work.title for work in library.references]
    codes = [each.code for each in library.warnings]
    assert (4, 1) == (codes.count("unreadable-reference"), codes.count("duplicate-reference"))
    assert any("line 1 " in each.message for each in library.warnings)


def test_deep_brackets() -> None:
    """Brackets of any depth are read."""

    work = one("@book{a, title={" + "{" * 20_000 + "T" + "}" * 20_000 + "}}")

    assert "T" == work.title


def test_latin_1() -> None:
    """A file that is not Unicode is read as Windows wrote it, which is told."""

    library = read_references("@book{a, title={Été à Nîmes – œuvre}}".encode("cp1252"), "bibtex")

    assert "Été à Nîmes – œuvre" == library.references[0].title
    assert ["encoding-guessed"] == [each.code for each in library.warnings]


def test_damaged_unicode() -> None:
    """One broken character in much Unicode leaves the others as they are."""

    text = "@book{a, title={" + "é" * 50 + "}}"

    library = read_references(text.encode().replace(b"\xc3\xa9}", b"\xc3}"), "bibtex")

    assert (library.references[0].title or "").startswith("é" * 49)


def test_detected_by_content() -> None:
    """What looks like BibTeX is, whatever it is called; code and mail are not."""

    assert "bibtex" == detect_format(ARTICLE.encode(), "refs.txt")
    assert "bibtex" == detect_format(b"% made by x\n@string{a = {b}}", "refs.bib")
    for other in (b"@media (max-width: 1px) { a }", b"@mark(x, y=1)\ndef f(): ...", b"a@b.org"):
        assert detect_format(other, "other.txt") is None


def test_nothing() -> None:
    """A file without an entry is refused."""

    with pytest.raises(UnreadableFile, match="no entry"):
        read_references(b"% nothing here\n@comment{x}", "bibtex")


def test_many_entries_that_never_close() -> None:
    """Ten thousand open brackets are read in time that grows with their number alone."""

    text = "\n".join(f"@book{{k{n}, title={{x" for n in range(10_000)) + "\n@book{z, title={Z}}"

    library = read(text)

    assert ["Z"] == [work.title for work in library.references]
    assert 1001 == len(library.warnings)
