"""This release and the next one side by side on one PostgreSQL, as in a rolling deploy."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from importlib.metadata import version

import pytest
from tests.faults import checks
from tests.faults.state import State, by_job, read_rows, read_stores
from tests.next_release import EVENT, NEW_KIND, VERSION
from tests.postgres import Postgres
from tests.rollout import Rollout


@pytest.fixture(scope="module")
def rollout(tmp_path_factory: pytest.TempPathFactory, postgres: Postgres) -> Iterator[Rollout]:
    """A deploy that is through; the next release runs until it is rolled back."""
    rollout = Rollout(tmp_path_factory.mktemp("rollout"), postgres)
    try:
        rollout.run()
        yield rollout
    finally:
        rollout.cluster.close()


@pytest.fixture(scope="module")
def state(rollout: Rollout) -> State:
    """What is in the database and the index after the deploy."""
    state = read_rows(rollout.cluster)
    read_stores(rollout.cluster, state)
    return state


def kinds(state: State, job_id: str) -> Sequence[str]:
    """Return the types of a job's events."""
    return [row["type"] for row in by_job(state.events)[job_id]]


def test_the_releases_are_two(rollout: Rollout) -> None:
    """The servers that stood side by side were of different versions."""
    assert [version("ragline"), VERSION] == rollout.seen.versions


def test_load_is_answered(rollout: Rollout) -> None:
    """Nobody is answered with a breakdown: each document and question is accepted."""
    statuses = set(rollout.seen.statuses)

    assert 202 in statuses
    assert set() == statuses - {202, 503}


def test_every_accepted_job_completes(rollout: Rollout, state: State) -> None:
    """What either release accepted is completed."""
    outcomes = {row["id"]: row["outcome"] for row in state.jobs}

    assert {"completed"} == {outcomes.get(job) for job in rollout.seen.accepted}


@pytest.mark.parametrize(
    "check",
    [
        checks.jobs_end_once,
        checks.event_numbers_have_no_gaps,
        checks.nothing_is_there_twice,
        checks.index_is_what_is_published,
        checks.completed_is_searchable,
    ],
)
def test_nothing_is_lost_or_doubled(state: State, check: checks.Check) -> None:
    """Each job ends once, events have no gaps, passages and vectors are there once."""
    assert [] == check(state)


def test_the_newer_release_takes_up_the_older_ones_work(rollout: Rollout, state: State) -> None:
    """A job that began without the new step completes without it after its worker's death."""
    told = [kinds(state, job) for job in rollout.seen.of_the_old]

    assert all("job.recovered" in each and "job.completed" == each[-1] for each in told)
    assert not any(EVENT in each for each in told)


def test_the_older_release_leaves_the_newer_ones_work(rollout: Rollout, state: State) -> None:
    """A job with steps that a worker does not know rests there, and completes elsewhere."""
    told = [kinds(state, job) for job in rollout.seen.of_the_new]

    assert all("job.recovered" in each and "job.completed" == each[-1] for each in told)
    assert all(1 == each.count(EVENT) for each in told)


def test_an_older_server_shows_work_of_a_newer_kind(rollout: Rollout, state: State) -> None:
    """Work that only newer workers know is seen, waits for one of them, and completes."""
    assert NEW_KIND == rollout.seen.new_kind["kind"]
    assert "job.completed" == kinds(state, rollout.seen.new_kind_job)[-1]


def test_an_older_server_reads_what_a_newer_one_took(rollout: Rollout) -> None:
    """On the newer schema the older release finds and answers as before."""
    assert ["The zeppelin landed at the lighthouse."] == rollout.seen.found_by_old
    assert "1611" in rollout.seen.answered_by_old


def test_the_older_release_drains(rollout: Rollout) -> None:
    """Worker and server of the older release end in order at SIGTERM."""
    assert [0, 0] == rollout.seen.exits


def test_a_deploy_can_be_taken_back(rollout: Rollout) -> None:
    """The older release starts on the newer schema, takes documents and answers questions."""
    assert "1702" in rollout.roll_back()
    assert "schema.newer" in rollout.log_of("again-server")
