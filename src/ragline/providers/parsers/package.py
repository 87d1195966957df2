"""The parts of a zipped document, unpacked with care.

Only markup is unpacked, at most so many bytes of it as really come out; pictures, macros and
embedded files stay packed and are dropped. Readers get the parts, or a new package of them.
"""

from __future__ import annotations

import io
import posixpath
import re
import zipfile
import zlib
from collections.abc import Mapping
from functools import cache
from importlib import import_module
from typing import Any

from ragline.errors import LimitExceeded, UnreadableFile

MOST_ENTRIES = 10_000
MOST_BYTES = 128 * 1024**2
"""How much markup a document may unpack to; the longest novels have a few MiB."""

_MARKUP = re.compile(r"(?:\.(?:xml|rels|xhtml|html?|opf|ncx)|(?:^|/)mimetype)$", re.IGNORECASE)
_ENTITY = re.compile(rb"<!ENTITY")
_ENCRYPTED_FLAG = 0x1
_PIECE = 1024**2
Parts = dict[str, bytes]
"""Parts by their path in the package, without a leading slash."""


def unpacked(data: bytes) -> Parts:
    """Return the markup of a zipped document.

    Raises `UnreadableFile` for a damaged package, a password or declared entities, and
    `LimitExceeded` for too many entries or bytes.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as package:
            return _parts(package)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, ValueError) as error:
        raise damaged() from error


def packed(parts: Mapping[str, bytes]) -> bytes:
    """Return a package of these parts."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as package:
        for name, content in parts.items():
            package.writestr(name, content)
    return buffer.getvalue()


def parsed(content: bytes) -> Any:
    """Return the root of an XML part; entities stay unread and nothing is fetched."""
    etree = import_module("lxml.etree")
    try:
        return etree.fromstring(content, _xml_parser())
    except etree.XMLSyntaxError as error:
        if "depth" in str(error).lower():
            raise LimitExceeded(
                "This document nests its parts deeper than any program writes them, and was "
                "not read."
            ) from error
        raise damaged() from error


def written(root: Any) -> bytes:
    """Return an XML part anew."""
    content: bytes = import_module("lxml.etree").tostring(
        root, xml_declaration=True, encoding="UTF-8"
    )
    return content


def targets(parts: Mapping[str, bytes], part: str) -> dict[str, tuple[str, str]]:
    """Return a part's relationships by id: the last word of the type, and the part meant.

    Relationships that lead outside of the package are left out.
    """
    folder, name = posixpath.split(part)
    rels = parts.get(posixpath.join(folder, "_rels", f"{name}.rels"))
    if rels is None:
        return {}
    found = {}
    for relationship in parsed(rels).iter("{*}Relationship"):
        if relationship.get("TargetMode") == "External":
            continue
        target = posixpath.normpath(posixpath.join(folder, relationship.get("Target", "")))
        kind = relationship.get("Type", "").rpartition("/")[2]
        found[relationship.get("Id", "")] = (kind, target.lstrip("/"))
    return found


def main_part(parts: Mapping[str, bytes], usual: str) -> str:
    """Return the name of an office document's main part."""
    kinds = targets(parts, "").values()
    name = next((target for kind, target in kinds if kind == "officeDocument"), usual)
    if name not in parts:
        raise damaged()
    return name


def damaged() -> UnreadableFile:
    """The document cannot be opened."""
    return UnreadableFile(
        "This document is damaged or cut off: open it, save it anew and upload it again."
    )


def locked() -> UnreadableFile:
    """The document has a password."""
    return UnreadableFile(
        "This document has a password: save it without a password and upload it again."
    )


@cache
def _xml_parser() -> Any:
    return import_module("lxml.etree").XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, remove_comments=True
    )


def _parts(package: zipfile.ZipFile) -> Parts:
    entries = package.infolist()
    if len(entries) > MOST_ENTRIES:
        raise LimitExceeded(
            f"This document is made of {len(entries)} parts, more than the {MOST_ENTRIES} that "
            "the reader allows. Split it and upload the parts."
        )
    left = MOST_BYTES
    parts: Parts = {}
    for entry in entries:
        if entry.flag_bits & _ENCRYPTED_FLAG:
            raise locked()
        if _MARKUP.search(entry.filename):
            content = _content(package, entry, left)
            left -= len(content)
            parts[entry.filename.lstrip("/")] = content
    return parts


def _content(package: zipfile.ZipFile, entry: zipfile.ZipInfo, most: int) -> bytes:
    pieces = []
    with package.open(entry) as stream:
        while piece := stream.read(_PIECE):
            most -= len(piece)
            if most < 0:
                raise LimitExceeded(
                    f"This document unpacks to more than {MOST_BYTES // 1024**2} MiB of text and "
                    "was stopped; no other document is affected. Split it and upload the parts."
                )
            pieces.append(piece)
    content = b"".join(pieces)
    # In UTF-16 the same letters stand between zeros.
    if _ENTITY.search(content.replace(b"\0", b"")):
        raise UnreadableFile(
            "This document declares XML entities, which no office program writes and which can "
            "harm its readers. Open it, save it anew and upload it again."
        )
    return content
