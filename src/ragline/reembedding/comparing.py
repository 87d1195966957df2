"""The check: the same questions asked of the old and of the new index."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import sqlalchemy as sa

from ragline.bootstrap import Runtime
from ragline.indexes.opening import Index, indexes_of, open_index
from ragline.language.sentences import split_sentences
from ragline.models import Chunk, Document, Job, Project
from ragline.reembedding.quality import (
    DEPTH,
    Answers,
    Question,
    Source,
    Verdict,
    judge,
    thresholds,
)
from ragline.reembedding.schemas import CheckWish
from ragline.search.retrieval import find_chunks

# With fewer questions that people asked, the check would hang on a few of them.
LEAST_RECENT = 20
LONGEST_QUESTION = 500
SHORTEST_SENTENCE = 5
LONGEST_SENTENCE = 40


def compare(
    runtime: Runtime,
    project_id: str,
    index_id: str,
    wish: CheckWish,
    *,
    on_asked: Callable[[int], None] = lambda _number: None,
) -> Verdict:
    """Ask both indexes the same questions, and judge the new one by what they find.

    `on_asked` is told after each question how many were asked; what it raises ends the check.
    """
    with runtime.database.read() as session:
        project = session.get_one(Project, project_id)
    old, new = indexes_of(runtime, project).main, open_index(runtime, index_id)
    source, questions = _questions(runtime, project_id, wish)
    answers = []
    for number, question in enumerate(questions, start=1):
        before, after = (_found(project, index, question, source) for index in (old, new))
        answers.append(Answers(question, before, after))
        on_asked(number)
    wanted = thresholds(
        source,
        same_model=old.embedder_name == new.embedder_name,
        overlap=wish.overlap,
        is_asked=wish.overlap is not None,
    )
    return judge(answers, source, wanted)


def _found(project: Project, index: Index, question: Question, source: Source) -> list[str]:
    matches = find_chunks(
        question.text,
        main=index,
        project_id=project.id,
        passage_languages=project.languages,
    )
    if source == "eval":
        # Of a document its best passage counts.
        return list(dict.fromkeys(match.document_id for match in matches))[:DEPTH]
    return [match.chunk_id for match in matches[:DEPTH]]


def _questions(runtime: Runtime, project_id: str, wish: CheckWish) -> tuple[Source, list[Question]]:
    if wish.eval:
        return "eval", _known_answers(runtime, project_id, wish)
    recent = _recent(runtime, project_id, wish.questions)
    if len(recent) >= min(LEAST_RECENT, wish.questions):
        return "recent", recent
    return "passages", _of_passages(runtime, project_id, wish.questions)


def _known_answers(runtime: Runtime, project_id: str, wish: CheckWish) -> list[Question]:
    named = {name for each in wish.eval for name in each.documents}
    query = sa.select(Document.id, Document.external_id).where(
        Document.project_id == project_id,
        sa.or_(Document.id.in_(named), Document.external_id.in_(named)),
    )
    ids: dict[str, str] = {}
    with runtime.database.read() as session:
        for document_id, external_id in session.execute(query):
            ids[document_id] = document_id
            if external_id is not None:
                ids.setdefault(external_id, document_id)
    found = [
        Question(each.question, frozenset(ids[name] for name in each.documents if name in ids))
        for each in wish.eval
    ]
    return [each for each in found if each.right]


def _recent(runtime: Runtime, project_id: str, most: int) -> list[Question]:
    """Return what was last asked in the project, each question once."""
    with runtime.database.read() as session:
        asked = session.scalars(_ASKED, {"of_project": project_id, "most": 4 * most}).all()
    texts = [(inputs or {}).get("question") for inputs in asked]
    known = [each for each in texts if isinstance(each, str) and 0 < len(each) <= LONGEST_QUESTION]
    return [Question(text) for text in list(dict.fromkeys(known))[:most]]


def _of_passages(runtime: Runtime, project_id: str, most: int) -> list[Question]:
    """Return a sentence of each of some passages, which is to find its passage."""
    with runtime.database.read() as session:
        rows: Sequence[Any] = session.execute(
            _PASSAGES, {"of_project": project_id, "most": most}
        ).all()
    return [Question(_sentence_of(text), frozenset({chunk_id})) for chunk_id, text in rows]


def _sentence_of(text: str) -> str:
    """Return the longest sentence of a passage that is neither a fragment nor a list."""
    sentences = [text[start:end] for start, end in split_sentences(text)]
    usual = [
        each for each in sentences if SHORTEST_SENTENCE <= len(each.split()) <= LONGEST_SENTENCE
    ]
    return max(usual or [" ".join(text.split()[:LONGEST_SENTENCE])], key=len)


_ASKED = (
    sa.select(Job.inputs)
    .where(Job.project_id == sa.bindparam("of_project"), Job.kind.in_(("chat", "message")))
    .order_by(Job.created_at.desc(), Job.id)
    .limit(sa.bindparam("most"))
)
# The ids of passages are hashes: their order is that of chance, and the same every time.
_PASSAGES = (
    sa.select(Chunk.id, Chunk.text)
    .join(Document, Document.id == Chunk.document_id)
    .where(
        Document.project_id == sa.bindparam("of_project"),
        Chunk.version == Document.published_version,
    )
    .order_by(Chunk.id)
    .limit(sa.bindparam("most"))
)
