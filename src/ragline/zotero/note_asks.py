"""What decides a reading note: the work, its passages, the prompt, the model."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy.orm import Session

from ragline.bootstrap import Runtime
from ragline.errors import NotFound
from ragline.models import Job, ZoteroItem, ZoteroLibrary
from ragline.providers.contracts import Task
from ragline.references.zotero import reference_of
from ragline.zotero import note_prompts
from ragline.zotero.note_passages import Passage, Reading, chosen, read, tokens_of

# Raised where notes are made differently from the same: then all are written anew.
FORM = 1


@dataclass(frozen=True, slots=True)
class NoteAsk:
    """A note to be written: `written_from` is the hash of all that decides it."""

    item_key: str
    task: Task
    passages: tuple[Passage, ...]
    language: str
    written_from: str

    @property
    def prompt_tokens(self) -> int:
        """About how many tokens the model is to read."""
        return tokens_of(self.task.instructions) + tokens_of(self.task.text)


def ask_of(runtime: Runtime, session: Session, job: Job) -> NoteAsk:
    """Return what a note's job asks for, as its work is at present."""
    inputs = dict(job.inputs or {})
    library = session.get(ZoteroLibrary, inputs.get("library_id", ""))
    if library is None:
        raise NotFound("The library was disconnected; no notes are written for it any more.")
    parent = session.get(Job, job.parent_id or "")
    wishes = {} if parent is None else dict(parent.inputs or {})
    return make_ask(runtime, session, library, str(inputs["item_key"]), wishes)


def make_ask(
    runtime: Runtime,
    session: Session,
    library: ZoteroLibrary,
    item_key: str,
    wishes: Mapping[str, Any],
) -> NoteAsk:
    """Return what is asked of the model for a work; raise `NotFound` without a passage."""
    reading = read(session, library.id, item_key)
    if not reading.passages:
        raise NotFound(f"No document of the item {item_key} is searchable; sync its file first.")
    settings = runtime.settings
    language = _language(wishes, reading)
    prompt = (
        wishes.get("prompt")
        or library.prompt
        or settings.note_prompt
        or note_prompts.default_prompt(language)
    )
    passages = tuple(chosen(reading.passages, settings.note_tokens))
    model = wishes.get("model")
    task = Task(
        note_prompts.instructions(str(prompt), language),
        note_prompts.request(_described(session, library, item_key), passages),
        model=model,
        most_tokens=settings.note_answer_tokens,
    )
    exact = [FORM, model or runtime.llm.default_model, task.instructions, task.text]
    digest = hashlib.sha256(json.dumps(exact, ensure_ascii=False).encode("utf-8", "replace"))
    return NoteAsk(item_key, task, passages, language, digest.hexdigest())


def _language(wishes: Mapping[str, Any], reading: Reading) -> str:
    return str(wishes.get("language") or reading.language or note_prompts.DEFAULT_LANGUAGE)


def _described(session: Session, library: ZoteroLibrary, item_key: str) -> str:
    """Return a work as its library describes it, a field on each line.

    What its reader arranges, such as tags, is left out: it changes no note.
    """
    row = session.get_one(ZoteroItem, (library.id, item_key))
    metadata = reference_of({"key": row.key, "data": row.data or {}}).metadata()
    lines = []
    for name in ("title", "authors", "date", "item_type", "container", "publisher"):
        value = metadata.get(name)
        words = "; ".join(value) if isinstance(value, list) else value
        if words:
            lines.append(f"{name.replace('_', ' ')}: {words}")
    return "\n".join(lines)
