"""Small Outlook messages made on the spot: an OLE container with the properties of one."""

import struct

SECTOR, SMALL = 512, 64
FREE, END, FAT = 0xFFFFFFFF, 0xFFFFFFFE, 0xFFFFFFFD
STORAGE, STREAM, ROOT = 1, 2, 5
UNICODE = 0x001F
SUBJECT, BODY, SENDER, SENDER_ADDRESS = 0x0037, 0x1000, 0x0C1A, 0x0C1F
LONG_FILENAME, ADDRESS, RECIPIENT_TYPE, TO = 0x3707, 0x3003, 0x0C15, 1


def outlook_message(subject, body, *, sender, to, attachments=()):
    """Return the bytes of a .msg file."""
    words = {
        SUBJECT: subject,
        BODY: body,
        SENDER: sender,
        SENDER_ADDRESS: sender,
    }
    root = _properties(words, header=struct.pack("<8xIIII8x", 1, 0, 1, len(attachments)))
    root["__nameid_version1.0"] = {f"__substg1.0_000{number}0102": b"" for number in (2, 3, 4)}
    kind = struct.pack("<HHIII", 0x0003, RECIPIENT_TYPE, 6, TO, 0)
    root["__recip_version1.0_#00000000"] = _properties({ADDRESS: to}, header=bytes(8) + kind)
    for number, (name, content) in enumerate(attachments):
        attachment = _properties({LONG_FILENAME: name}, header=bytes(8))
        attachment["__substg1.0_37010102"] = content
        root[f"__attach_version1.0_#{number:08X}"] = attachment
    return container(root)


def _properties(words, header):
    entries = {
        f"__substg1.0_{tag:04X}{UNICODE:04X}": text.encode("utf-16-le")
        for tag, text in words.items()
    }
    rows = [
        struct.pack("<HHIII", UNICODE, tag, 6, len(text.encode("utf-16-le")) + 2, 0)
        for tag, text in words.items()
    ]
    return {"__properties_version1.0": header + b"".join(rows), **entries}


def container(root):
    """Return an OLE container of storages (dicts) and short streams (bytes)."""
    rows = [["Root Entry", ROOT, FREE, FREE, b""]]
    _add_children(rows, 0, root)
    small, chain = b"", []
    starts = []
    for _, kind, _, _, content in rows:
        count = -(-len(content) // SMALL) if kind == STREAM else 0
        starts.append(len(chain) if count else END)
        chain += [len(chain) + step + 1 for step in range(count - 1)] + [END] * bool(count)
        small += content.ljust(count * SMALL, b"\0") if kind == STREAM else b""
    starts[0] = 0
    directory = b"".join(
        _row(row, start, len(small)) for row, start in zip(rows, starts, strict=True)
    )
    sectors = [_padded(small), _padded(directory, b"\0"), _padded(_numbers(chain), b"\xff")]
    return _file(sectors)


def _add_children(rows, parent, storage):
    names = sorted(storage, key=lambda name: (len(name), name.upper()))
    before = None
    for name in names:
        content = storage[name]
        at = len(rows)
        is_storage = isinstance(content, dict)
        rows.append(
            [name, STORAGE if is_storage else STREAM, FREE, FREE, b"" if is_storage else content]
        )
        if before is None:
            rows[parent][3] = at
        else:
            rows[before][2] = at
        before = at
        if is_storage:
            _add_children(rows, at, content)


def _row(row, start, small_size):
    name, kind, right, child, content = row
    coded = (name + "\0").encode("utf-16-le")
    size = small_size if kind == ROOT else len(content)
    first = END if kind == STORAGE else start
    return struct.pack(
        "<64sHBBIII16xI8x8xIQ", coded, len(coded), kind, 1, FREE, right, child, 0, first, size
    )


def _file(sectors):
    """Return header, the one sector of the allocation table, and the chains after it."""
    table, position, firsts = [FAT], 1, []
    for content in sectors:
        count = len(content) // SECTOR
        firsts.append(position)
        table += [position + step + 1 for step in range(count - 1)] + [END]
        position += count
    small, directory, small_table = firsts
    header = struct.pack(
        "<8s16xHHHHH6xIIIIIIIIII",
        bytes.fromhex("d0cf11e0a1b11ae1"),
        0x3E, 3, 0xFFFE, 9, 6, 0, 1, directory, 0, 4096, small_table,
        len(sectors[2]) // SECTOR, END, 0, 0,
    )  # fmt: skip
    rows = bytearray(sectors[1])
    struct.pack_into("<I", rows, 116, small)
    body = [_padded(_numbers(table), b"\xff"), sectors[0], bytes(rows), sectors[2]]
    return header.ljust(SECTOR, b"\xff") + b"".join(body)


def _numbers(values):
    return struct.pack(f"<{len(values)}I", *values)


def _padded(content, filler=b"\0"):
    return content + filler * (-len(content) % SECTOR)
