"""A PDF of pictures, a page for each.

Source: ISO 32000-1, 7.5 (file structure), 7.4.8 (JPEG streams).
"""

from __future__ import annotations

from collections.abc import Sequence

from ragline.providers.contracts import PagePicture

POINTS_PER_INCH = 72.0


def pdf_of(pictures: Sequence[PagePicture]) -> bytes:
    """Return a PDF whose pages are these JPEG pictures, in the size that their dots give."""
    first = 3
    pages = [first + 3 * index for index in range(len(pictures))]
    kids = " ".join(f"{page} 0 R" for page in pages)
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        f"<< /Type /Pages /Kids [{kids}] /Count {len(pictures)} >>".encode(),
    ]
    for page, picture in zip(pages, pictures, strict=True):
        objects += _page(page, picture)
    return _file(objects)


def _page(number: int, picture: PagePicture) -> list[bytes]:
    """Return the objects of a page: the page, what is drawn on it, the picture."""
    width = picture.width * POINTS_PER_INCH / picture.dpi
    height = picture.height * POINTS_PER_INCH / picture.dpi
    drawing = f"q {width:.2f} 0 0 {height:.2f} 0 0 cm /Im0 Do Q".encode()
    space = "/DeviceGray" if _components(picture.content) == 1 else "/DeviceRGB"
    head = (
        f"<< /Type /XObject /Subtype /Image /Width {picture.width} /Height {picture.height} "
        f"/ColorSpace {space} /BitsPerComponent 8 /Filter /DCTDecode"
    )
    return [
        f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 {width:.2f} {height:.2f}] "
        f"/Resources << /XObject << /Im0 {number + 2} 0 R >> >> /Contents {number + 1} 0 R "
        ">>".encode(),
        _stream("<<", drawing),
        _stream(head, picture.content),
    ]


def _stream(head: str, content: bytes) -> bytes:
    return f"{head} /Length {len(content)} >>\nstream\n".encode() + content + b"\nendstream"


def _file(objects: Sequence[bytes]) -> bytes:
    out, places = bytearray(b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\n"), []
    for number, content in enumerate(objects, 1):
        places.append(len(out))
        out += b"%d 0 obj\n" % number + content + b"\nendobj\n"
    start = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    out += b"".join(b"%010d 00000 n \n" % place for place in places)
    out += b"trailer\n<< /Size %d /Root 1 0 R >>\n" % (len(objects) + 1)
    return bytes(out + b"startxref\n%d\n%%%%EOF\n" % start)


def _components(jpeg: bytes) -> int:
    """Return how many colours a JPEG has, from its frame header."""
    place = 2
    while place + 9 < len(jpeg) and jpeg[place] == 0xFF:
        marker = jpeg[place + 1]
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            return jpeg[place + 9]
        place += 2 + int.from_bytes(jpeg[place + 2 : place + 4], "big")
    return 3
