"""ZIP archives: looked through as a whole before anything is taken, then read entry by entry.

Runs in compute children. What an archive says of itself counts for nothing: its bytes are counted
while they are inflated.
"""

from __future__ import annotations

import struct
import tempfile
import unicodedata
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, NamedTuple

from ragline.imports.kinds import HEAD_BYTES, Kind, kind_of
from ragline.imports.names import flaw_of, is_litter, plain
from ragline.imports.refusals import ArchiveLimit, UnsafeArchive
from ragline.imports.unpacking import ENCRYPTED, UTF8, content_at, inflated

RATIO_FROM_BYTES = 1024**2
_DIRECTORY_BYTES_PER_ENTRY = 4096
_FORMAT_BITS, _REGULAR, _FOLDER = 0o170000, 0o100000, 0o040000
_DAMAGED = (
    zipfile.BadZipFile,
    zipfile.LargeZipFile,
    zlib.error,
    struct.error,
    NotImplementedError,
    EOFError,
    ValueError,
)


@dataclass(frozen=True, slots=True)
class ArchiveLimits:
    """The most that an archive may hold, the archives inside it included."""

    total_bytes: int
    entry_bytes: int
    entries: int
    ratio: int
    nesting: int


class Entry(NamedTuple):
    """A file of an archive; `address` is its number in each of the archives it stands in."""

    path: str
    address: tuple[int, ...]
    size: int
    kind: Kind


def scan(path: Path, limits: ArchiveLimits, scratch: Path) -> list[Entry]:
    """Inflate all of an archive once and return its files, in its order.

    `scratch` takes archives that stand inside it, one at a time and without a name.

    Raises:
        UnsafeArchive: it is damaged, or an entry is not to be trusted.
        ArchiveLimit: it holds more than the limits allow.
    """
    with path.open("rb") as file:
        return list(_Scan(limits, scratch).entries(file, "", ()))


class _Scan:
    """One look through an archive and those inside it, which share their limits."""

    def __init__(self, limits: ArchiveLimits, scratch: Path) -> None:
        self._limits = limits
        self._scratch = scratch
        self._entries = 0
        self._bytes = 0

    def entries(self, file: IO[bytes], prefix: str, outer: tuple[int, ...]) -> Iterator[Entry]:
        """Go through the files of an archive that stands at an address."""
        try:
            yield from self._entries_of(file, prefix, outer)
        except _DAMAGED as error:
            where = f"The archive {prefix[:-1]!r} in it" if prefix else "The archive"
            raise UnsafeArchive(f"{where} is damaged or made to deceive: {error}.") from None

    def _entries_of(self, file: IO[bytes], prefix: str, outer: tuple[int, ...]) -> Iterator[Entry]:
        self._check_directory(file)
        archive = zipfile.ZipFile(file)
        infos = archive.infolist()
        self._entries += len(infos)
        if self._entries > self._limits.entries:
            raise ArchiveLimit(
                f"The archive has more than {self._limits.entries} entries: split it, or raise "
                "RAGLINE_ARCHIVE_ENTRIES."
            )
        paths = [_checked_path(info) for info in infos]
        _check_twins(infos, paths)
        _check_places(file, infos, archive.start_dir)
        for number, (info, path) in enumerate(zip(infos, paths, strict=True)):
            address = (*outer, number)
            with tempfile.SpooledTemporaryFile(HEAD_BYTES, dir=str(self._scratch)) as inner:
                kind, size = self._look_at(file, info, path, inner)
                if info.is_dir() or is_litter(path):
                    continue
                if kind.name == "archive":
                    self._check_depth(prefix + path, len(address))
                    yield from self.entries(inner, f"{prefix}{path}/", address)
                else:
                    yield Entry(prefix + path, address, size, kind)

    def _look_at(
        self, file: IO[bytes], info: zipfile.ZipInfo, path: str, inner: IO[bytes]
    ) -> tuple[Kind, int]:
        """Inflate an entry, count its bytes and tell what it is; an archive is kept aside."""
        size, head, kind = 0, b"", None
        for piece in inflated(file, info):
            size += len(piece)
            self._count(len(piece), size, info, path)
            if kind is None:
                head += piece
                if len(head) < HEAD_BYTES:
                    continue
                kind, piece = kind_of(head[:HEAD_BYTES], path), head
            if kind.name == "archive":
                inner.write(piece)
        if kind is None:
            kind = kind_of(head, path)
            inner.write(head)
        if kind.name == "archive":
            inner.seek(max(0, size - HEAD_BYTES))
            kind = kind_of(head[:HEAD_BYTES], path, tail=inner.read())
        return kind, size

    def _count(self, more: int, size: int, info: zipfile.ZipInfo, path: str) -> None:
        limits = self._limits
        self._bytes += more
        if size > limits.entry_bytes:
            raise ArchiveLimit(
                f"The entry {path!r} unpacks to more than {limits.entry_bytes} bytes: leave it "
                "out, or raise RAGLINE_ARCHIVE_ENTRY_BYTES."
            )
        if size > RATIO_FROM_BYTES and size > limits.ratio * info.compress_size:
            raise ArchiveLimit(
                f"The entry {path!r} unpacks to more than {limits.ratio} times its packed size, "
                "as bombs do: leave it out, or raise RAGLINE_ARCHIVE_RATIO."
            )
        if self._bytes > limits.total_bytes:
            raise ArchiveLimit(
                f"The archive unpacks to more than {limits.total_bytes} bytes: split it, or "
                "raise RAGLINE_ARCHIVE_BYTES."
            )

    def _check_depth(self, path: str, depth: int) -> None:
        if depth > self._limits.nesting:
            raise ArchiveLimit(
                f"The archive {path!r} stands deeper inside others than "
                f"{self._limits.nesting}: unpack it first, or raise RAGLINE_ARCHIVE_NESTING."
            )

    def _check_directory(self, file: IO[bytes]) -> None:
        """Refuse a list of entries that would not fit into memory, before it is read."""
        file.seek(0, 2)
        size = file.tell()
        tail_size = min(size, 65536 + 128)
        file.seek(size - tail_size)
        tail = file.read(tail_size)
        end = tail.rfind(b"PK\x05\x06")
        if end < 0:
            raise UnsafeArchive("The archive is cut off: its list of entries is missing.")
        (listed,) = struct.unpack_from("<L", tail, end + 12)
        wide = tail.rfind(b"PK\x06\x06")
        if wide >= 0:
            (listed,) = struct.unpack_from("<Q", tail, wide + 40)
        if listed > self._limits.entries * _DIRECTORY_BYTES_PER_ENTRY:
            raise ArchiveLimit("The archive's list of entries is too long: split it.")


def _checked_path(info: zipfile.ZipInfo) -> str:
    """Return where an entry stands, or raise what is wrong with it."""
    name = _decoded(info)
    flaw = flaw_of(info.orig_filename) or flaw_of(name)
    if flaw is not None:
        raise UnsafeArchive(f"The name {name!r} in the archive {flaw}.")
    if info.flag_bits & ENCRYPTED:
        raise UnsafeArchive(f"The entry {name!r} is encrypted: pack it without a password.")
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise UnsafeArchive(f"The entry {name!r} is packed in a rare way: pack it with deflate.")
    kind = (info.external_attr >> 16) & _FORMAT_BITS
    if kind not in (0, _REGULAR, _FOLDER):
        raise UnsafeArchive(f"The entry {name!r} is a link or a device, not a file.")
    if info.is_dir() and info.file_size:
        raise UnsafeArchive(f"The folder {name!r} of the archive has a content.")
    return plain(name)


def _decoded(info: zipfile.ZipInfo) -> str:
    """Return an entry's name; some packers write UTF-8 without saying so."""
    name = info.orig_filename
    if info.flag_bits & UTF8 or name.isascii():
        return name
    try:
        return name.encode("cp437").decode()
    except UnicodeError:
        return name


def _check_twins(infos: Sequence[zipfile.ZipInfo], paths: Sequence[str]) -> None:
    """Refuse two entries of one name, and a file that is a folder as well."""
    files: set[str] = set()
    folders: set[str] = set()
    for info, path in zip(infos, paths, strict=True):
        known = unicodedata.normalize("NFC", path)
        parents = known.split("/")[: None if info.is_dir() else -1]
        folders |= {"/".join(parents[:end]) for end in range(1, len(parents) + 1)}
        if info.is_dir():
            continue
        if known in files:
            raise UnsafeArchive(f"The archive has two entries named {path!r}.")
        files.add(known)
    both = files & folders
    if both:
        raise UnsafeArchive(f"In the archive {min(both)!r} is a file and a folder at once.")


def _check_places(file: IO[bytes], infos: Sequence[zipfile.ZipInfo], end: int) -> None:
    """Refuse entries that share bytes: bombs do, so as to be counted many times."""
    for info in sorted(infos, key=lambda each: each.header_offset, reverse=True):
        if content_at(file, info) + info.compress_size > end:
            raise UnsafeArchive(f"The entry {info.filename!r} overlaps another one.")
        end = info.header_offset
