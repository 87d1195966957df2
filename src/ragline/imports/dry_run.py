"""What an import would do: found out with the import's own code, and nothing kept of it."""

from __future__ import annotations

import hashlib
import io
import shutil
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from ragline.accounts.service import Caller
from ragline.blobs import Blob
from ragline.bootstrap import Runtime
from ragline.documents.recognising import Library
from ragline.documents.schemas import Change
from ragline.documents.storing import HEAD_BYTES, StoredUpload, Upload
from ragline.errors import RaglineError, UnreadableFile
from ragline.imports import measured
from ragline.imports.contents import items_at_hand
from ragline.imports.fitting import fitting_title
from ragline.imports.keeping import better_there
from ragline.imports.manifest import read_manifest, write_manifest
from ragline.imports.receiving import Received, inputs_of
from ragline.imports.schemas import DryRun
from ragline.imports.scratch import child_limits, parsing_limits, scratch_folder
from ragline.imports.sources import Item, ItemWarning
from ragline.imports.taking_products import ProductLook
from ragline.providers import tasks

MOST_NAMED = 5000
PIECE_BYTES = 1024**2
USUAL_CHARACTERS = 2000
CHARACTERS_PER_TOKEN = 4
BEGUN: tuple[Change, ...] = ("new", "changed", "again")


def dry_run(
    runtime: Runtime,
    caller: Caller,
    project_id: str,
    received: Received,
    *,
    products: bool = False,
) -> DryRun:
    """Return what an import would do."""
    settings = runtime.settings
    files: dict[str, list[str]] = {}
    for file in received.files:
        files.setdefault(file.role, []).append(file.blob.content_hash)
    look = ProductLook(runtime, project_id) if products else _Look(runtime, project_id)
    source = {**received.source, "products": products}
    with (
        scratch_folder(settings) as scratch,
        inputs_of(runtime, source, files) as inputs,
    ):
        manifest = scratch / "manifest"
        runtime.compute.run(
            write_manifest,
            inputs,
            scratch,
            manifest,
            settings.import_items,
            limits=child_limits(settings),
        )
        at: int | None = 0
        while at is not None:
            part = read_manifest(
                manifest,
                at,
                most_items=settings.import_batch,
                most_bytes=settings.import_batch_bytes,
            )
            look.warnings += part.warnings
            with items_at_hand(runtime, part.items, inputs.folder, owner=None) as items:
                look.at(items, scratch)
            at = part.after
    return look.answer(caller)


class _Look:
    """Goes through the items of an import and sums up what they would come to."""

    def __init__(self, runtime: Runtime, project_id: str) -> None:
        self.warnings: list[ItemWarning] = []
        self._runtime = runtime
        self._project_id = project_id
        self._changes: Counter[str] = Counter()
        self._seen: set[str] = set()
        self._counted = _Pages()
        self._sampled = 0
        self._uncounted: Counter[str] = Counter()
        self._characters = 0
        self._pages_of_files = 0

    def at(self, items: Sequence[Item], scratch: Path) -> None:
        """Look at some items, which can be opened now."""
        judged = [each for item in items if (each := self._judged(item)) is not None]
        for (item, upload), change in zip(judged, self._changes_of(judged), strict=True):
            self._changes[change] += 1
            if change in BEGUN:
                self._count(item, upload, scratch)

    def answer(self, caller: Caller) -> DryRun:
        """Return the sums, and what is estimated from them."""
        with self._runtime.database.read() as session:
            rates = measured.rates(session, caller.tenant_id)
        guessed = {kind: self._counted.guess(kind, size) for kind, size in self._uncounted.items()}
        pages = self._counted.total + sum(guessed.values())
        # Texts are counted by their length, which is known.
        of_files = self._pages_of_files + sum(guessed.values()) - guessed.get("text/plain", 0)
        length = rates.characters_per_page
        characters = self._characters + of_files * (length or USUAL_CHARACTERS)
        speed, price = rates.pages_per_second, rates.cost_per_page
        changes = self._changes
        return DryRun(
            documents=changes.total(),
            new=changes["new"],
            changed=changes["changed"],
            again=changes["again"],
            unchanged=changes["unchanged"],
            duplicates=changes["duplicate"],
            missing_files=sum(each.code == "missing-file" for each in self.warnings),
            pages=pages,
            tokens=round(characters / CHARACTERS_PER_TOKEN),
            cost=None if price is None else round(price * pages, 6),
            seconds=None if speed is None else round(pages / speed, 1),
            basis=_basis(rates, self._sampled, bool(self._uncounted)),
            warnings=[each.as_json() for each in self.warnings[:MOST_NAMED]],
        )

    def _judged(self, item: Item) -> tuple[Item, StoredUpload] | None:
        """Return an item as it would be stored; one that nothing reads is a warning."""
        try:
            with item.open() as stream:
                head = stream.read(HEAD_BYTES)
                digest, size = hashlib.sha256(head), len(head)
                tail = head[-tasks.TAIL_BYTES :]
                while piece := stream.read(PIECE_BYTES):
                    digest.update(piece)
                    size += len(piece)
                    tail = (tail + piece)[-tasks.TAIL_BYTES :]
            if not head:
                raise UnreadableFile("The file is empty.")
            media_type = item.media_type or tasks.judged_media_type(head, item.name, tail=tail)
        except RaglineError as error:
            self.warnings.append(
                ItemWarning("unreadable-type", error.message, item.title or item.name)
            )
            return None
        upload = Upload(
            io.BytesIO(),
            item.name,
            fitting_title(item.title),
            item.identity,
            item.metadata or None,
            media_type,
        )
        return item, StoredUpload(upload, Blob(digest.hexdigest(), size), media_type)

    def _changes_of(self, judged: Sequence[tuple[Item, StoredUpload]]) -> list[Change]:
        """Return what each would be to the project, by the rules of an upload."""
        with self._runtime.database.read() as session:
            library = Library(
                session,
                self._project_id,
                hashes={each.blob.content_hash for _, each in judged},
                external_ids={item.identity for item, _ in judged},
            )
            better = better_there(session, self._project_id, [item for item, _ in judged])
            return [self._change(library, item, each, better) for item, each in judged]

    def _change(
        self, library: Library, item: Item, upload: StoredUpload, better: set[str]
    ) -> Change:
        if item.identity in better:
            return "unchanged"
        content = upload.blob.content_hash
        named, holding = library.named(item.identity), library.holding(content)
        known = named or (holding if holding and holding.document.external_id is None else None)
        if known is None:
            if holding is not None or content in self._seen:
                return "again" if holding is not None and holding.is_read_again else "duplicate"
            self._seen.add(content)
            return "new"
        wanted = known.description.then(upload)
        if wanted.is_like(known.description):
            return "again" if known.is_read_again else "unchanged"
        return "changed"

    def _count(self, item: Item, upload: StoredUpload, scratch: Path) -> None:
        """Count the pages of what would be ingested, or note that they are to be estimated."""
        size, media_type = upload.blob.size, upload.media_type
        is_text = media_type == "text/plain"
        if is_text:
            self._characters += size
        if self._sampled >= self._runtime.settings.dry_run_documents:
            self._uncounted[media_type] += size
            return
        self._sampled += 1
        pages = self._pages_of(item, media_type, scratch)
        self._counted.add(media_type, pages, size)
        self._pages_of_files += 0 if is_text else pages

    def _pages_of(self, item: Item, media_type: str, scratch: Path) -> int:
        copy = scratch / "counted"
        try:
            with item.open() as stream, copy.open("wb") as out:
                shutil.copyfileobj(stream, out)
            limits = parsing_limits(self._runtime.settings)
            return self._runtime.compute.run(tasks.outline, copy, media_type, limits=limits)[1]
        except RaglineError as error:
            self.warnings.append(
                ItemWarning("unreadable-file", error.message, item.title or item.name)
            )
            return 0


class _Pages:
    """Pages that were counted, and how many bytes one has in each kind of file."""

    def __init__(self) -> None:
        self.total = 0
        self._pages: Counter[str] = Counter()
        self._bytes: Counter[str] = Counter()

    def add(self, media_type: str, pages: int, size: int) -> None:
        """Note a document that was counted."""
        self.total += pages
        self._pages[media_type] += pages
        self._bytes[media_type] += size

    def guess(self, media_type: str, size: int) -> int:
        """Return about how many pages so many bytes of a kind have."""
        return round(size * self._density(media_type))

    def _density(self, media_type: str) -> float:
        if self._pages[media_type]:
            return self._pages[media_type] / max(self._bytes[media_type], 1)
        return self.total / max(self._bytes.total(), 1)


def _basis(rates: measured.Rates, sampled: int, uncounted: bool) -> dict[str, str]:
    """Say how each estimate was made."""
    pages = f"counted in {sampled} documents"
    if uncounted:
        pages += "; those of the others by their bytes, as the counted ones have them"
    length = (
        "as many characters a page as the tenant's documents have on average"
        if rates.characters_per_page is not None
        else f"{USUAL_CHARACTERS} characters a page, since nothing was measured yet"
    )
    measured_at = "what pages took in the jobs of the last seven days"
    nothing = "nothing was measured yet: unknown"
    return {
        "pages": pages,
        "tokens": f"{CHARACTERS_PER_TOKEN} characters a token; texts by their length, files by "
        f"their pages, with {length}",
        "cost": measured_at if rates.cost_per_page is not None else nothing,
        "seconds": f"{measured_at}, while any of them ran; what is queued already comes before"
        if rates.pages_per_second is not None
        else nothing,
    }
