"""What must hold after any faults: each check returns its violations as sentences."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from tests.faults.faults import Fault
from tests.faults.history import History
from tests.faults.receiver import Message
from tests.faults.state import State, by_job
from tests.faults.watch import Ended

TERMINAL = ("job.completed", "job.failed", "job.cancelled")
LONGEST_RECOVERY_SECONDS = 10.0


def accepted_is_kept(state: State, history: History) -> list[str]:
    """Everything that was answered with 202 is in the database, but for deleted documents."""
    jobs = {row["id"] for row in state.jobs}
    documents = {row["id"] for row in state.documents}
    deleted = {each.about["document"] for each in history.of("delete")}
    found = []
    for sent in history.accepted():
        if sent.job_id is not None and sent.job_id not in jobs:
            found.append(f"The job {sent.job_id} was accepted ({sent.action}) and is not there.")
        found += [
            f"The document {each} was accepted ({sent.action}) and is not there."
            for each in sent.document_ids
            if each not in documents and each not in deleted
        ]
    return found


def answers_are_no_breakdowns(history: History) -> list[str]:
    """No request is answered with 500, whatever was broken meanwhile."""
    return [
        f"{sent.action} was answered with 500: {sent.answer}"
        for sent in history.sent
        if sent.status == 500
    ]


def each_key_has_one_job(state: State, history: History) -> list[str]:
    """All answers under an Idempotency-Key name one job, and there is no other job for it."""
    found = []
    jobs_of: dict[str, set[str | None]] = defaultdict(set)
    for sent in history.sent:
        if "key" in sent.about and sent.status in (200, 202):
            jobs_of[sent.about["key"]].add(sent.job_id)
    for key, jobs in jobs_of.items():
        if len(jobs) > 1:
            found.append(f"The key {key} was answered with several jobs: {sorted(map(str, jobs))}")
    for (document, version), count in Counter(
        (row["document_id"], row["version"]) for row in state.jobs if row["kind"] == "ingest"
    ).items():
        if count > 1:
            found.append(f"Version {version} of the document {document} has {count} jobs.")
    return found


def jobs_end_once(state: State) -> list[str]:
    """Each attempt has one outcome and one terminal event, after which only a retry follows."""
    found = []
    attempts, events = by_job(state.attempts), by_job(state.events)
    for job in state.jobs:
        outcomes = [row["outcome"] for row in attempts[job["id"]]]
        if job["outcome"] is None or None in outcomes:
            found.append(f"The job {job['id']} ({job['kind']}) has not ended: {outcomes}.")
            continue
        told = []
        for kinds in _of_attempts([row["type"] for row in events[job["id"]]]):
            ends = [kind for kind in kinds if kind in TERMINAL]
            if ends != kinds[-1:]:
                found.append(f"An attempt of the job {job['id']} has the events {kinds}.")
            told += [end.removeprefix("job.") for end in ends]
        if told[-1:] != [job["outcome"]] or (outcomes and told != outcomes):
            found.append(
                f"The job {job['id']} is {job['outcome']} after {outcomes}, and told {told}."
            )
    return found


def cancelled_jobs_do_not_complete(state: State) -> list[str]:
    """A job whose cancellation was accepted before its end has no other end."""
    return [
        f"The job {row['id']} was cancelled and is {row['outcome']}."
        for row in state.jobs
        if row["cancel_requested_at"] is not None and row["outcome"] != "cancelled"
    ]


def _of_attempts(kinds: Sequence[str]) -> list[list[str]]:
    """Split the kinds of a job's events before each retry."""
    parts: list[list[str]] = [[]]
    for kind in kinds:
        if kind == "job.retrying":
            parts.append([])
        parts[-1].append(kind)
    return parts


def ended_stays(state: State, seen: Ended) -> list[str]:
    """An attempt that was once seen ended is the same at the end, and so is its last event."""
    now = {(row["job_id"], row["number"]): row for row in state.attempts}
    found = []
    for key, before in seen.attempts.items():
        after = now.get(key)
        if after is None or any(after[name] != before[name] for name in before):
            found.append(f"The ended attempt {key} was {before} and became {after}.")
    return found


def event_numbers_have_no_gaps(state: State) -> list[str]:
    """The events of each job are numbered 1, 2, 3 …"""
    found = []
    for job, rows in by_job(state.events).items():
        numbers = [row["number"] for row in rows]
        if numbers != list(range(1, len(rows) + 1)):
            found.append(f"The events of the job {job} are numbered {numbers}.")
    return found


def index_is_what_is_published(state: State) -> list[str]:
    """The index holds the passages of published versions of documents, and nothing else."""
    published = {row["id"]: row["published_version"] for row in state.documents}
    expected: dict[str, set[str]] = defaultdict(set)
    for row in state.chunks:
        if published.get(row["document_id"]) == row["version"]:
            expected[row["document_id"]].add(row["id"])
    found = []
    for document in sorted(set(expected) | set(state.vectors)):
        actual = state.vectors.get(document, set())
        if missing := expected[document] - actual:
            found.append(f"The index lacks {len(missing)} passages of the document {document}.")
        if stray := actual - expected[document]:
            found.append(f"The index holds {len(stray)} stray vectors of {document}.")
    return found


def nothing_is_there_twice(state: State) -> list[str]:
    """No passage, and no content in a project, is there twice."""
    chunks = Counter((row["document_id"], row["version"], row["ordinal"]) for row in state.chunks)
    contents = Counter((row["project_id"], row["content_hash"]) for row in state.documents)
    return [
        f"{key} is there {count} times." for key, count in (chunks + contents).items() if count > 1
    ]


def completed_is_searchable(state: State) -> list[str]:
    """A document whose latest job completed has that job's version published."""
    latest: dict[str, Any] = {}
    for job in state.jobs:
        if job["kind"] == "ingest":
            before = latest.get(job["document_id"])
            if before is None or before["version"] < job["version"]:
                latest[job["document_id"]] = job
    found = []
    for document in state.documents:
        job = latest.get(document["id"])
        if job is None:
            found.append(f"The document {document['id']} has no job.")
        elif job["outcome"] == "completed" and document["published_version"] != job["version"]:
            found.append(
                f"The document {document['id']} is published as {document['published_version']}, "
                f"its job completed version {job['version']}."
            )
        elif job["outcome"] == "cancelled" and document["published_version"] == job["version"]:
            found.append(f"The document {document['id']} is published; its job was cancelled.")
    return found


def nothing_is_left_over(state: State) -> list[str]:
    """After a clean-up there are no stray rows and files, held places or processes."""
    documents = {row["id"] for row in state.documents}
    wanted = {(row["id"], row["published_version"]) for row in state.documents}
    # What failed or was cancelled can be retried, and starts from what is there.
    wanted |= {(row["document_id"], row["version"]) for row in state.jobs if row["document_id"]}
    found = [f"A process outlived its parent: {child}" for child in state.children]
    contents = {row["content_hash"] for row in state.documents}
    found += [f"No document refers to the file {each}." for each in state.files - contents]
    found += [f"The file {each} is missing." for each in contents - state.files]
    for name, rows in (("passage", state.chunks), ("page", state.pages)):
        found += [
            f"There is a stray {name}: {row}"
            for row in rows
            if row["document_id"] not in documents
            or (row["document_id"], row["version"]) not in wanted
        ]
    found += [
        f"The workflow {row['workflow_uuid']} is still {row['status']}."
        for row in state.workflows
        if row["status"] in ("PENDING", "ENQUEUED", "DELAYED")
    ]
    found += [
        f"The delivery {row['id']} is still leased."
        for row in state.deliveries
        if row["leased_until"]
    ]
    found += [
        f"The provider call {row['id']} still holds its place."
        for row in state.calls
        if row["ended"] is None
    ]
    return found


def webhooks_tell_each_end(
    state: State, messages: Sequence[Message], *, tolerated: Iterable[str] = ()
) -> list[str]:
    """Each terminal event arrived; all messages of an event have one id and one body."""
    found = []
    by_event: dict[tuple[str, int], set[tuple[str, str]]] = defaultdict(set)
    taken = set()
    for message in messages:
        by_event[message.event].add((message.id, message.body))
        if message.taken:
            taken.add(message.event)
    for event, forms in by_event.items():
        if len(forms) > 1:
            found.append(f"The event {event} was told in {len(forms)} forms.")
    jobs = {row["id"] for row in state.jobs} - set(tolerated)
    found += [
        f"Nobody was told of {row['type']} of the job {row['job_id']}."
        for row in state.events
        if row["type"] in TERMINAL
        and row["job_id"] in jobs
        and (row["job_id"], row["number"]) not in taken
    ]
    return found


def nothing_is_paid_twice(
    state: State, questions: Sequence[str], history: History, faults: Sequence[Fault]
) -> list[str]:
    """A question is paid for once, and once more for each fault that touched its job."""
    asked = {each.about["question"] for each in history.of("chat")}
    job_of = {each.about["question"]: each.job_id for each in history.of("chat") if each.job_id}
    # Also those whose answer was lost on its way to the client.
    job_of |= {
        question: row["id"]
        for row in state.jobs
        if row["kind"] == "chat"
        for question in asked
        if question in str(row["inputs"])
    }
    workflows = {row["workflow_id"]: row["job_id"] for row in state.attempts}
    touched = Counter(
        workflows.get(workflow) for fault in faults for workflow in set(fault.touched)
    )
    found = []
    for question, count in Counter(questions).items():
        allowed = 1 + touched[job_of.get(question)]
        if count > allowed:
            found.append(f"{question!r} was paid for {count} times with {allowed - 1} faults.")
    return found


def work_is_taken_up_soon(recoveries: Sequence[float]) -> list[str]:
    """Work of a dead worker is back in its queue within ten seconds."""
    return [
        f"Work was taken up after {seconds:.1f} s."
        for seconds in recoveries
        if seconds > LONGEST_RECOVERY_SECONDS
    ]


Check = Callable[[State], list[str]]
ON_STATE: tuple[Check, ...] = (
    jobs_end_once,
    cancelled_jobs_do_not_complete,
    event_numbers_have_no_gaps,
    index_is_what_is_published,
    nothing_is_there_twice,
    completed_is_searchable,
    nothing_is_left_over,
)
"""The checks that need no history."""
