"""Items of a manifest, with their contents at hand."""

from __future__ import annotations

import io
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import BinaryIO

from ragline.bootstrap import Runtime
from ragline.compute.pool import Owner
from ragline.imports import unpacking
from ragline.imports.folders import open_below
from ragline.imports.pool import Planned
from ragline.imports.scratch import child_limits, scratch_folder
from ragline.imports.sources import Item


@contextmanager
def items_at_hand(
    runtime: Runtime, planned: Sequence[Planned], folder: Path | None, *, owner: Owner | None
) -> Iterator[list[Item]]:
    """Give items that can be opened until the block ends; entries are unpacked by a child."""
    with ExitStack() as stack:
        scratch = stack.enter_context(scratch_folder(runtime.settings))
        blobs = {
            content_hash: stack.enter_context(runtime.blobs.local(content_hash))
            for content_hash in dict.fromkeys(
                each.where["blob"] for each in planned if "blob" in each.where
            )
        }
        unpacked = _unpacked(runtime, planned, blobs, scratch, owner)
        yield [
            Item(
                each.identity,
                each.name,
                unpacked.get(number) or _opener(each, blobs, folder),
                each.title,
                each.metadata,
                each.media_type,
                each.stands_in,
            )
            for number, each in enumerate(planned)
        ]


def _unpacked(
    runtime: Runtime,
    planned: Sequence[Planned],
    blobs: dict[str, Path],
    scratch: Path,
    owner: Owner | None,
) -> dict[int, Callable[[], BinaryIO]]:
    """Unpack what stands in archives, each of them once; return how to open it, by number."""
    wanted: dict[str, list[int]] = defaultdict(list)
    for number, each in enumerate(planned):
        if "entry" in each.where:
            wanted[each.where["blob"]].append(number)
    openers: dict[int, Callable[[], BinaryIO]] = {}
    for blob, numbers in wanted.items():
        target = scratch / blob
        target.mkdir()
        runtime.compute.run(
            unpacking.unpack,
            blobs[blob],
            [tuple(planned[number].where["entry"]) for number in numbers],
            target,
            limits=child_limits(runtime.settings),
            owner=owner,
        )
        for name, number in enumerate(numbers):
            openers[number] = partial(_open, target / str(name))
    return openers


def _opener(
    planned: Planned, blobs: dict[str, Path], folder: Path | None
) -> Callable[[], BinaryIO]:
    where = planned.where
    if "text" in where:
        return partial(io.BytesIO, where["text"].encode())
    if "path" in where:
        assert folder is not None, "its files are below a folder"
        return partial(open_below, folder, where["path"])
    return partial(_open, blobs[where["blob"]])


def _open(path: Path) -> BinaryIO:
    return path.open("rb")
