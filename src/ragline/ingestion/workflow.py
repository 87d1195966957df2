"""A document's way, as one durable workflow: parse, chunk, tidy if wished, embed, index.

Steps receive the job's id and return counts; texts and vectors stay in the database.
Each may run twice: what is there already is found and left as it is.
"""

from __future__ import annotations

from ragline.bootstrap import Runtime
from ragline.compute.pool import Cancelled
from ragline.engine.retry import COMPUTE, LOCAL, cause_of
from ragline.failpoints import failpoint
from ragline.ingestion import chunk, embed, index, parse, tidying
from ragline.ingestion.carry_over import carry_over
from ragline.ingestion.undo import abandon
from ragline.jobs import service as jobs

INGEST = "ingest"
# The same, under a name that no worker knows who would build the version before once more.
INGEST_NEWER = "ingest_newer"


def register(runtime: Runtime) -> None:
    """Make the workflows of ingestion known to the engine."""
    for name in (INGEST, INGEST_NEWER):
        runtime.engine.register(name, lambda job_id: ingest(runtime, job_id))
    for name in (parse.READ_PAGES, parse.READ_NEWER):
        runtime.engine.register(name, lambda *arguments: parse.read_pages(runtime, *arguments))


def ingest(runtime: Runtime, job_id: str) -> None:
    """Make a document searchable, or end its job with the reason why not."""
    engine = runtime.engine
    attempt = engine.workflow_id()
    try:
        engine.patiently(jobs.begin, runtime, job_id)
        engine.patiently(carry_over, runtime, job_id)
        failpoint("ingest.begun")
        plan = engine.step(parse.plan, COMPUTE, runtime, job_id)
        parse.read_all(runtime, job_id, plan)
        engine.step(chunk.build_chunks, COMPUTE, runtime, job_id)
        if engine.patiently(tidying.is_wanted, runtime, job_id):
            engine.step(tidying.tidy_chunks, COMPUTE, runtime, job_id, attempt)
        engine.step(embed.embed_chunks, COMPUTE, runtime, job_id)
        engine.step(index.index_and_publish, LOCAL, runtime, job_id, attempt)
    except (jobs.Superseded, Cancelled):
        raise  # whoever superseded or stopped this attempt ends it
    except Exception as error:
        # Bad input, tries exhausted, or a bug: the job ends with a reason, visibly. This is no
        # step: a replay that fails before its first one would take it for that.
        engine.patiently(abandon, runtime, job_id, cause_of(error), attempt)
        raise
