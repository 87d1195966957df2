"""Files that Zotero keeps in an archive: web pages with what they show."""

from __future__ import annotations

import base64
import binascii
import shutil
import tempfile
import zipfile
from typing import IO, BinaryIO

import httpx2

from ragline.errors import TemporaryProviderError, TooLarge, UnreadableFile

SPOOLED_BYTES = 1 << 20
MOST_ENTRIES = 10_000
# Zotero's clients write names in an archive in Base64 behind this mark.
_ENCODED = "%ZB64"


def is_packed(response: httpx2.Response) -> bool:
    """Tell whether Zotero says that it sends an archive in place of the file."""
    answers = [*response.history, response]
    return any(each.headers.get("Zotero-File-Compressed") == "Yes" for each in answers)


def unpack(file: BinaryIO, begins: int, filename: str, *, most_bytes: int) -> None:
    """Put the entry of this name in the place of the archive that holds it.

    Nothing is written under a name of the archive, and no more than so many real bytes.
    """
    with tempfile.SpooledTemporaryFile(max_size=SPOOLED_BYTES) as archive:
        file.seek(begins)
        shutil.copyfileobj(file, archive)
        file.seek(begins)
        file.truncate()
        try:
            with (
                zipfile.ZipFile(archive) as packed,
                packed.open(_entry(packed, filename)) as entry,
            ):
                _copy(entry, file, most_bytes)
        except (zipfile.BadZipFile, RuntimeError, NotImplementedError, EOFError) as error:
            raise TemporaryProviderError(
                f"Zotero sent a broken archive ({type(error).__name__})."
            ) from None


def _entry(packed: zipfile.ZipFile, filename: str) -> zipfile.ZipInfo:
    entries = [each for each in packed.infolist() if not each.is_dir()]
    if not entries or len(entries) > MOST_ENTRIES:
        raise UnreadableFile("The archive that Zotero keeps for this file cannot be used.")
    named = [each for each in entries if _plain(each.filename) == filename]
    pages = [each for each in entries if _plain(each.filename).lower().endswith((".html", ".htm"))]
    return (named or pages or entries)[0]


def _plain(name: str) -> str:
    if not name.endswith(_ENCODED):
        return name
    try:
        return base64.b64decode(name.removesuffix(_ENCODED), validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return name


def _copy(entry: IO[bytes], file: BinaryIO, most_bytes: int) -> None:
    left = most_bytes
    while piece := entry.read(min(65536, left + 1)):
        left -= len(piece)
        if left < 0:
            raise TooLarge(f"The file has more than {most_bytes} bytes.")
        file.write(piece)
