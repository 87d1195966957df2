"""Attachments and the files they mean."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragline.references.file_names import within
from ragline.references.matching import Files, Found
from ragline.references.records import Attachment


def attached(path: str | None) -> Attachment:
    """Return an attachment that names a path."""
    return Attachment(path, None, None, None)


def find(names: Sequence[str], path: str) -> tuple[str, str] | None:
    """Return the path and the way by which a file is found among others."""
    found = Files(names).find(attached(path))
    return (found.path, found.how) if found else None


def assigned(names: Sequence[str], paths: Sequence[str]) -> list[str | None]:
    """Return the file that each path is given, all of them together."""
    found = Files(names).assign([attached(path) for path in paths])
    return [each.path if each else None for each in found]


@pytest.mark.parametrize(
    "path",
    [
        "files/12/Étude.pdf",
        "./files/12/Étude.pdf",
        "files\\12\\Étude.pdf",
        "files/11/../12/Étude.pdf",
        unicodedata.normalize("NFD", "files/12/Étude.pdf"),
        "file:files/12/%C3%89tude.pdf",
    ],
)
def test_by_path(path: str) -> None:
    """The path decides, in whichever way it is written."""

    names = ["files/12/Étude.pdf", "files/13/Étude.pdf", "Étude.pdf"]

    assert ("files/12/Étude.pdf", "path") == find(names, path)


@pytest.mark.parametrize(
    "path",
    [
        "/home/me/Zotero/storage/KEYS2345/a b.pdf",
        "C:\\Users\\me\\Zotero\\storage\\KEYS2345\\a b.pdf",
        "file:///C:/Users/me/Zotero/storage/KEYS2345/a%20b.pdf",
        "file://localhost/home/me/storage/KEYS2345/a%20b.pdf",
        "storage:KEYS2345/a b.pdf",
    ],
)
def test_of_another_machine(path: str) -> None:
    """A path of another machine is found by its name in the sub-folder it names."""

    names = ["export/storage/KEYS2345/a b.pdf", "export/storage/OTHR2345/a b.pdf"]

    assert ("export/storage/KEYS2345/a b.pdf", "name") == find(names, path)


@pytest.mark.parametrize(
    ("held", "wanted", "how"),
    [
        ("x/Étude sur l'été.PDF", "étude sur l’ete.pdf", "normalised"),
        ("x/Cœur_de-ville (2).pdf", "coeur de ville 2.pdf", "normalised"),
        ("x/Ångström.pdf", "Angstrom.pdf", "normalised"),
        ("x/SMITH 2001.pdf", "Smith_2001.pdf", "normalised"),
        ("x/Huaynaputina.pdf", "Huayanputina.pdf", "distance"),
        ("x/Smith 2001 On thing.pdf", "Smith 2001 On things.pdf", "distance"),
        ("x/Smith 2001 (1).pdf", "Smith 2001.pdf", "distance"),
    ],
)
def test_approximately(held: str, wanted: str, how: str) -> None:
    """Case, accents, signs and up to two letters may differ."""

    assert (held, how) == find([held, "x/Something else.pdf"], f"files/9/{wanted}")


@pytest.mark.parametrize(
    ("held", "wanted"),
    [
        ("Smith 2001.pdf", "Smith 2002.pdf"),
        ("chapter 1.pdf", "chapter 2.pdf"),
        ("ab.pdf", "cd.pdf"),
        ("Report.pdf", "Report.docx"),
        ("Huaynaputina.pdf", "Huaypatinua.pdf"),
        ("???.pdf", "!!!.pdf"),
    ],
)
def test_too_different(held: str, wanted: str) -> None:
    """Other numbers, another ending or more than two letters make another file."""

    assert find([held], wanted) is None


def test_ties_give_none() -> None:
    """Where two files are as good, neither is taken, and both are named."""

    files = Files(["a/paper.pdf", "b/paper.pdf", "c/other.pdf"])

    assert files.find(attached("z/paper.pdf")) is None
    assert "a/paper.pdf, b/paper.pdf" in files.why(attached("z/paper.pdf"))
    assert Found("b/paper.pdf", "name") == files.find(attached("/x/b/paper.pdf"))
    assert "No file" in files.why(attached("missing.pdf"))


def test_the_nearest_form_wins() -> None:
    """Of names with the same letters, the one that differs in case or accents only is taken."""

    names = ["x/a-b.pdf", "x/ab.pdf", "y/été.pdf", "y/ete!.pdf"]

    assert ("x/a-b.pdf", "normalised") == find(names, "A-B.pdf")
    assert ("y/été.pdf", "normalised") == find(names, "ete.pdf")


def test_an_exact_owner_keeps_its_file() -> None:
    """A file named exactly by one attachment goes to no other that is merely like it."""

    names = ["files/1/Smith 2001.pdf"]

    wanted = ["files/1/Smith 2001.pdf", "files/2/Smith 2001a.pdf", "files/3/Smith 2001.pdf"]

    assert [names[0], None, None] == assigned(names, wanted)
    assert "another attachment" in Files(names).why(attached(wanted[1]))


def test_one_file_is_no_two_attachments() -> None:
    """A file that is like two attachments is given to neither; the same one twice, to both."""

    assert [None, None] == assigned(["x/full.pdf"], ["A/full.pdf", "B/full.pdf"])
    assert ["x/full.pdf"] * 2 == assigned(["x/full.pdf"], ["A/full.pdf", "A/full.pdf"])


def test_sub_folders_are_kept() -> None:
    """Files of one name in many folders each go to the item of that folder."""

    names = [f"files/{n}/fulltext.pdf" for n in range(300)]

    assert names == assigned(names, [f"C:\\Export\\files\\{n}\\fulltext.pdf" for n in range(300)])


def test_nothing_to_find() -> None:
    """Links without a path, empty and odd names find nothing."""

    for path in (None, "", "/", "..", "storage:", "file://", "\0", "." * 5000):
        assert Files(["a.pdf", "", "/"]).find(attached(path)) is None


def test_ten_thousand() -> None:
    """Ten thousand misspelt names are found among ten thousand files, by few comparisons."""

    stems = [f"Author{chr(97 + n % 26)} {1900 + n % 120} study number {n}" for n in range(10_000)]
    names = [f"files/{n}/{stem} of things.pdf" for n, stem in enumerate(stems)]

    found = assigned(names, [f"other/{stem} of thinks.pdf" for stem in stems])

    assert names == found


@given(st.text("ab é", max_size=8), st.text("ab é", max_size=8), st.integers(0, 3))
def test_distance(first: str, second: str, limit: int) -> None:
    """The distance is that of the whole table, where it is within the limit."""

    row = list(range(len(second) + 1))
    for number, letter in enumerate(first, 1):
        before, row = row, [number]
        for at, other in enumerate(second, 1):
            row.append(min(before[at] + 1, row[-1] + 1, before[at - 1] + (letter != other)))

    assert (row[-1] if row[-1] <= limit else None) == within(first, second, limit)
