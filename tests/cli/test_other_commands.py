"""`ragline worker`, `migrate` and `eval`."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
from tests.cli.conftest import Ragline
from tests.servers import RAGLINE, clean_environment


def worker(data_dir: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """Run a worker that is expected to refuse."""
    environment = clean_environment(data_dir=data_dir)
    command = [RAGLINE, "worker", *options]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=90)


def test_a_worker_beside_sqlite_is_refused(tmp_path: Path) -> None:
    """A separate worker says what it needs, and what works instead."""
    refused = worker(tmp_path / "data")

    assert 1 == refused.returncode
    assert "Several processes need PostgreSQL" in refused.stderr
    assert "`ragline serve` alone" in refused.stderr


@pytest.mark.parametrize("names", ["", "ingest,nonsense", " , "])
def test_a_worker_on_no_queue_is_refused(tmp_path: Path, names: str) -> None:
    """A queue that does not exist is named, beside those that do."""
    refused = worker(tmp_path / "data", "--queues", names)

    assert 1 == refused.returncode
    assert "there are chat, ingest, pages, images, default" in refused.stderr


def migrate(data_dir: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """Migrate in a process of its own, because the command configures its process's logging."""
    environment = clean_environment(data_dir=data_dir)
    command = [RAGLINE, "migrate", *options]
    return subprocess.run(command, env=environment, capture_output=True, text=True)


def test_a_fresh_database_is_migrated(tmp_path: Path) -> None:
    """The database is made, and its revision is told."""
    result = migrate(tmp_path / "data", "--json")

    assert 0 == result.returncode, result.stderr
    assert json.loads(result.stdout)["revision"]
    assert (tmp_path / "data/ragline.db").exists()


def test_a_migration_can_be_repeated(tmp_path: Path) -> None:
    """A second migration changes nothing and says the same."""
    assert migrate(tmp_path / "data").stdout == migrate(tmp_path / "data").stdout


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    """A data set in BEIR layout that can hardly be got wrong."""
    folder = tmp_path / "dataset"
    folder.mkdir()
    texts = {"tigers": "Tigers live in Bengal.", "owls": "Owls turn their heads at night."}
    lines = [json.dumps({"_id": key, "title": key, "text": text}) for key, text in texts.items()]
    (folder / "corpus.jsonl").write_text("\n".join(lines))
    (folder / "queries.jsonl").write_text('{"_id": "q", "text": "Where do tigers live?"}')
    (folder / "qrels.tsv").write_text("query-id\tcorpus-id\tscore\nq\ttigers\t1\n")
    return folder


def test_an_evaluation_is_told(ragline: Ragline, dataset: Path) -> None:
    """The measures are printed for machines."""
    pytest.importorskip("ir_measures")

    result = ragline("eval", dataset, "--json")

    assert 0 == result.exit_code, result.stderr
    assert (2, 1, 1.0) == tuple(
        json.loads(result.stdout)[name] for name in ("documents", "queries", "ndcg_at_10")
    )


def test_a_folder_in_another_layout_is_a_sentence(ragline: Ragline, tmp_path: Path) -> None:
    """A folder that is no data set says which files are missing."""
    result = ragline("eval", tmp_path)

    assert 1 == result.exit_code
    assert "Error: " in result.stderr
