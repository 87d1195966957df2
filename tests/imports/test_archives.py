"""Looking through archives: what is found, and what is refused before anything is taken."""

from __future__ import annotations

import stat
import zipfile
from pathlib import Path

import pytest
from tests.imports.packing import encrypted, lying, nested, overlapping, packed, with_entry

from ragline.imports.archives import ArchiveLimits, Entry, scan
from ragline.imports.refusals import ArchiveLimit, UnsafeArchive
from ragline.imports.unpacking import unpack

LIMITS = ArchiveLimits(
    total_bytes=30_000_000, entry_bytes=20_000_000, entries=100, ratio=100, nesting=2
)


def looked_through(tmp_path: Path, content: bytes, limits: ArchiveLimits = LIMITS) -> list[Entry]:
    """Return what is found in an archive; whatever is written must be gone afterwards."""
    archive = tmp_path / "archive"
    archive.write_bytes(content)
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    before = sorted(tmp_path.parent.rglob("*"))
    try:
        return scan(archive, limits, scratch)
    finally:
        assert before == sorted(tmp_path.parent.rglob("*")), "something was left behind"


def test_files_are_found_with_their_kinds(tmp_path: Path) -> None:
    """A scan tells documents, exports and tables apart and counts their real bytes."""
    content = packed(
        {
            "a/text.txt": "words",
            "library.bib": "@article{doe, title={Otters}, year=2020}",
            "rows.csv": "text,title\nwords,one\n",
            "picture.psd": b"8BPS\0\1\0\0\0\0",
        }
    )

    found = {
        entry.path: (entry.kind.name, entry.size) for entry in looked_through(tmp_path, content)
    }

    expected = {
        "a/text.txt": ("document", 5),
        "library.bib": ("references", 40),
        "rows.csv": ("table", 21),
        "picture.psd": ("unreadable", 10),
    }
    assert expected == found


def test_litter_and_folders_are_left_out(tmp_path: Path) -> None:
    """What systems leave for themselves is nobody's document."""
    content = packed(
        {"a/": "", "a/b.txt": "words", "__MACOSX/a/._b.txt": "x", ".DS_Store": "x", "~$b.docx": "x"}
    )

    assert ["a/b.txt"] == [entry.path for entry in looked_through(tmp_path, content)]


def test_archives_inside_are_looked_through(tmp_path: Path) -> None:
    """What stands in an archive inside an archive is found by the whole way to it."""
    found = looked_through(tmp_path, nested(2))

    assert [("inner.zip/inner.zip/note.txt", (0, 0, 0))] == [each[:2] for each in found]


def test_entries_are_unpacked_by_their_numbers(tmp_path: Path) -> None:
    """Contents are written under numbers, whatever the archive calls them."""
    path = tmp_path / "archive"
    path.write_bytes(packed({"a.txt": "first", "inner.zip": nested(0), "c.txt": "third"}))
    target = tmp_path / "target"
    target.mkdir()

    unpack(path, [(2,), (1, 0), (0,)], target)

    assert [b"third", b"words", b"first"] == [(target / n).read_bytes() for n in "012"]


def test_names_in_utf8_without_a_flag_are_read(tmp_path: Path) -> None:
    """Some packers write UTF-8 and do not say so; accents survive it."""
    content = bytearray(packed({"Étude.txt": "words"}))
    for magic, offset in ((b"PK\3\4", 7), (b"PK\1\2", 9)):
        content[content.index(magic) + offset] &= ~0x08

    assert ["Étude.txt"] == [entry.path for entry in looked_through(tmp_path, bytes(content))]


@pytest.mark.parametrize(
    "name",
    [
        "../up.txt",
        "a/../../up.txt",
        "/etc/passwd",
        "//server/share.txt",
        "C:/windows.txt",
        "c:relative.txt",
        "a\\b.txt",
        "..\\up.txt",
        "a\0.txt",
        "line\nbreak.txt",
        "./",
        "..",
    ],
)
def test_unsafe_names_are_refused(tmp_path: Path, name: str) -> None:
    """A name that could lead anywhere else makes the whole archive unsafe."""
    with pytest.raises(UnsafeArchive):
        looked_through(tmp_path, with_entry(name, b""))


@pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFCHR, stat.S_IFBLK, stat.S_IFIFO])
def test_links_and_devices_are_refused(tmp_path: Path, kind: int) -> None:
    """An entry that is no file and no folder makes the archive unsafe."""
    content = with_entry("a.txt", b"/etc/passwd", external_attr=(kind | 0o777) << 16)

    with pytest.raises(UnsafeArchive, match="link or a device"):
        looked_through(tmp_path, content)


def test_two_entries_of_a_name_are_refused(tmp_path: Path) -> None:
    """Of two contents under one name nobody knows which is meant, in any Unicode form."""
    content = packed({"\u00e9.txt": "one", "e\u0301.txt": "two"})

    with pytest.raises(UnsafeArchive, match="two entries"):
        looked_through(tmp_path, content)


def test_file_that_is_a_folder_is_refused(tmp_path: Path) -> None:
    """A path that is a file and holds files is refused."""
    with pytest.raises(UnsafeArchive, match="at once"):
        looked_through(tmp_path, packed({"a": "one", "a/b.txt": "two"}))


def test_encrypted_entry_is_refused(tmp_path: Path) -> None:
    """An entry with a password is refused with the advice to pack it without."""
    with pytest.raises(UnsafeArchive, match="without a password"):
        looked_through(tmp_path, encrypted())


def test_overlapping_entries_are_refused(tmp_path: Path) -> None:
    """Entries that share bytes would be counted once and unpacked many times."""
    with pytest.raises(UnsafeArchive, match="overlaps"):
        looked_through(tmp_path, overlapping())


@pytest.mark.parametrize("says", [10, 4_000_000])
def test_entry_of_another_size_is_refused(tmp_path: Path, says: int) -> None:
    """The size that an archive lists is not believed, be it too small or too large."""
    with pytest.raises(UnsafeArchive, match="does not hold"):
        looked_through(tmp_path, lying(bytes(range(256)) * 77, says))


def test_bomb_of_high_ratio_is_refused(tmp_path: Path) -> None:
    """A few bytes that swell to millions are refused by what they really swell to."""
    with pytest.raises(ArchiveLimit, match="RATIO"):
        looked_through(tmp_path, packed({"zeros.txt": bytes(10_000_000)}))


def test_bomb_that_lists_a_small_size_is_refused(tmp_path: Path) -> None:
    """Bytes are counted while they are inflated: a small listed size hides no bomb."""
    with pytest.raises(ArchiveLimit):
        looked_through(tmp_path, lying(bytes(10_000_000), 100))


def test_large_entry_is_refused(tmp_path: Path) -> None:
    """An entry over its own limit is refused."""
    content = packed({"zeros.txt": bytes(21_000_000)}, method=zipfile.ZIP_STORED)

    with pytest.raises(ArchiveLimit, match="ENTRY_BYTES"):
        looked_through(tmp_path, content)


def test_large_sum_is_refused(tmp_path: Path) -> None:
    """Entries that are small each are refused for what they come to together."""
    content = packed({f"{n}.txt": bytes(8_000_000) for n in range(4)}, method=zipfile.ZIP_STORED)

    with pytest.raises(ArchiveLimit, match="ARCHIVE_BYTES"):
        looked_through(tmp_path, content)


def test_nested_bytes_count_too(tmp_path: Path) -> None:
    """Archives inside an archive share its limits."""
    inner = packed({"zeros.txt": bytes(8_000_000)}, method=zipfile.ZIP_STORED)
    content = packed({"a.zip": inner, "b.zip": inner}, method=zipfile.ZIP_STORED)

    with pytest.raises(ArchiveLimit, match="ARCHIVE_BYTES"):
        looked_through(tmp_path, content)


def test_many_entries_are_refused(tmp_path: Path) -> None:
    """The number of entries is limited, over all archives inside."""
    inner = packed({f"{n}.txt": "x" for n in range(60)})

    with pytest.raises(ArchiveLimit, match="ENTRIES"):
        looked_through(tmp_path, packed({"a.zip": inner, "b.zip": inner}))


def test_deep_nesting_is_refused(tmp_path: Path) -> None:
    """Archives may stand inside archives only so deep."""
    with pytest.raises(ArchiveLimit, match="NESTING"):
        looked_through(tmp_path, nested(3))


def test_endless_list_of_entries_is_refused_unread(tmp_path: Path) -> None:
    """A list of entries that is said to be huge is not read into memory."""
    content = bytearray(packed({"a.txt": "words"}))
    at = content.index(b"PK\5\6") + 12
    content[at : at + 4] = (2_000_000_000).to_bytes(4, "little")

    with pytest.raises(ArchiveLimit, match="too long"):
        looked_through(tmp_path, bytes(content))


@pytest.mark.parametrize("cut", [10, 40, 90, 110])
def test_damaged_archive_is_refused(tmp_path: Path, cut: int) -> None:
    """An archive that is cut off or overwritten is refused with a sentence."""
    content = packed({"a.txt": "words", "b.txt": "more words"})

    with pytest.raises(UnsafeArchive):
        looked_through(tmp_path, content[:cut] + b"\xff" * 8 + content[cut + 8 : -cut // 2])


def test_changed_bytes_are_refused(tmp_path: Path) -> None:
    """A content that is not what its checksum says is refused."""
    content = bytearray(packed({"a.txt": "words"}, method=zipfile.ZIP_STORED))
    content[content.index(b"words")] ^= 1

    with pytest.raises(UnsafeArchive, match="does not hold"):
        looked_through(tmp_path, bytes(content))


def test_rare_packing_is_refused(tmp_path: Path) -> None:
    """Only the usual way of packing is unpacked."""
    with pytest.raises(UnsafeArchive, match="deflate"):
        looked_through(tmp_path, packed({"a.txt": "words"}, method=zipfile.ZIP_BZIP2))
