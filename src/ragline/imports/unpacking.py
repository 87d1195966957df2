"""The bytes of a ZIP archive's entries, inflated in small pieces and checked against its lists.

Runs in compute children. Nothing is ever written under a name taken from an archive.
"""

from __future__ import annotations

import struct
import tempfile
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import IO

from ragline.imports.refusals import UnsafeArchive

PIECE_BYTES = 64 * 1024
MOST_OPENED = 16
"""Archives inside an archive that are kept unpacked at a time."""
ENCRYPTED, UTF8 = 0x2041, 0x800
_LOCAL_HEADER = struct.Struct("<4s5H3L2H")


def unpack(path: Path, addresses: Sequence[tuple[int, ...]], target: Path) -> None:
    """Write entries of a scanned archive into a folder, as `0`, `1`, … in the order asked for."""
    with ArchiveReader(path, target) as reader:
        for number, address in enumerate(addresses):
            with (target / str(number)).open("wb") as out:
                for piece in reader.pieces(address):
                    out.write(piece)


class ArchiveReader:
    """Reads entries of a scanned archive by their addresses; archives inside stay open."""

    def __init__(self, path: Path, scratch: Path) -> None:
        self._path = path
        self._scratch = scratch
        self._files = ExitStack()
        self._opened: dict[tuple[int, ...], tuple[IO[bytes], list[zipfile.ZipInfo]]] = {}

    def __enter__(self) -> ArchiveReader:
        return self

    def __exit__(self, *_: object) -> None:
        self._files.close()

    def pieces(self, address: tuple[int, ...]) -> Iterator[bytes]:
        """Go through the content of an entry."""
        file, infos = self._archive(address[:-1])
        yield from inflated(file, infos[address[-1]])

    def _archive(self, address: tuple[int, ...]) -> tuple[IO[bytes], list[zipfile.ZipInfo]]:
        if address not in self._opened:
            file = self._file(address)
            self._opened[address] = file, zipfile.ZipFile(file).infolist()
        return self._opened[address]

    def _file(self, address: tuple[int, ...]) -> IO[bytes]:
        if not address:
            return self._files.enter_context(self._path.open("rb"))
        if len(self._opened) > MOST_OPENED:
            self._files.close()
            self._opened.clear()
        inner = tempfile.TemporaryFile(dir=str(self._scratch))  # noqa: SIM115  # the stack closes it
        for piece in self.pieces(address):
            inner.write(piece)
        return self._files.enter_context(inner)


def content_at(file: IO[bytes], info: zipfile.ZipInfo) -> int:
    """Return where an entry's bytes begin; its two headers must tell the same."""
    file.seek(info.header_offset)
    header = _LOCAL_HEADER.unpack(file.read(_LOCAL_HEADER.size))
    magic, _, flags, method, *_, name_size, extra_size = header
    name = file.read(name_size).decode("utf-8" if flags & UTF8 else "cp437")
    if magic != b"PK\x03\x04" or name != info.orig_filename or method != info.compress_type:
        raise UnsafeArchive(f"The entry {info.filename!r} is not what the archive lists it as.")
    if flags & ENCRYPTED:
        raise UnsafeArchive(f"The entry {name!r} is encrypted: pack it without a password.")
    return info.header_offset + _LOCAL_HEADER.size + int(name_size) + int(extra_size)


def inflated(file: IO[bytes], info: zipfile.ZipInfo) -> Iterator[bytes]:
    """Go through an entry's real bytes; raise where they are not those that were listed."""
    file.seek(content_at(file, info))
    size, check = 0, 0
    for piece in _stored(file, info) if _is_stored(info) else _deflated(file, info):
        size, check = size + len(piece), zlib.crc32(piece, check)
        yield piece
    if size != info.file_size or check != info.CRC:
        raise UnsafeArchive(f"The entry {info.filename!r} does not hold what the archive lists.")


def _is_stored(info: zipfile.ZipInfo) -> bool:
    return info.compress_type == zipfile.ZIP_STORED


def _stored(file: IO[bytes], info: zipfile.ZipInfo) -> Iterator[bytes]:
    left = info.compress_size
    while left and (piece := file.read(min(PIECE_BYTES, left))):
        left -= len(piece)
        yield piece


def _deflated(file: IO[bytes], info: zipfile.ZipInfo) -> Iterator[bytes]:
    """Inflate in pieces of bounded size, however much a few bytes swell to."""
    # The same file may be read elsewhere between two pieces.
    inflater, left, at = zlib.decompressobj(-zlib.MAX_WBITS), info.compress_size, file.tell()
    while not inflater.eof:
        packed = inflater.unconsumed_tail
        if not packed:
            file.seek(at)
            packed = file.read(min(PIECE_BYTES, left))
            at, left = at + len(packed), left - len(packed)
        piece = inflater.decompress(packed, PIECE_BYTES)
        if not piece and not packed:
            return  # cut off, which its size will tell
        yield piece
