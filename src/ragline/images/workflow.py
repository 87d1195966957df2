"""A product's way, as one durable workflow: look, embed, index.

Steps receive the job's id and return counts; pictures and vectors stay in the stores. Each may
run twice: what is there already is found and left as it is.
"""

from __future__ import annotations

from ragline.bootstrap import Runtime
from ragline.compute.pool import Cancelled
from ragline.engine.retry import COMPUTE, LOCAL, cause_of
from ragline.images.embed import embed
from ragline.images.index import end_replaced, index_and_publish
from ragline.images.look import look
from ragline.images.subject import is_replaced
from ragline.images.undo import abandon
from ragline.jobs import service as jobs

IMAGE = "image"


def register(runtime: Runtime) -> None:
    """Make the indexing of products known to the engine."""
    runtime.engine.register(IMAGE, lambda job_id: index_product(runtime, job_id))


def index_product(runtime: Runtime, job_id: str) -> None:
    """Make a product searchable, or end its job with the reason why not."""
    engine = runtime.engine
    attempt = engine.workflow_id()
    try:
        engine.patiently(jobs.begin, runtime, job_id)
        engine.step(look, COMPUTE, runtime, job_id)
        engine.step(embed, COMPUTE, runtime, job_id)
        engine.step(index_and_publish, LOCAL, runtime, job_id, attempt)
    except (jobs.Superseded, Cancelled):
        raise  # whoever superseded or stopped this attempt ends it
    except Exception as error:
        if engine.patiently(is_replaced, runtime, job_id):
            engine.patiently(end_replaced, runtime, job_id, attempt)
            return
        engine.patiently(abandon, runtime, job_id, cause_of(error), attempt)
        raise
