"""`ragline serve` as a process: its start, its end and its refusals."""

from __future__ import annotations

import json
import signal
import stat
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from tests.servers import RAGLINE, RunningServer, clean_environment


def serve(data_dir: Path, *options: str, **settings: object) -> subprocess.CompletedProcess[str]:
    """Run a server that is expected to refuse."""
    return subprocess.run(
        [RAGLINE, "serve", *options],
        env=clean_environment(data_dir=data_dir, port=0, **settings),
        capture_output=True,
        text=True,
        timeout=90,
    )


def test_a_server_that_says_it_is_ready_is(running_server: RunningServer) -> None:
    """The URL that is printed answers, with the real port."""
    with running_server.client() as client:
        assert client.ready()


def test_the_first_key_is_shown_with_its_place(running_server: RunningServer) -> None:
    """The first start prints the key it drew, and where it is kept, for its owner only."""
    kept = running_server.data_dir / "api_key"

    assert f"shown this once: {running_server.api_key}\n" in running_server.output_path.read_text()
    assert f"kept in {kept}" in running_server.output_path.read_text()
    assert 0o600 == stat.S_IMODE(kept.stat().st_mode)


def test_log_lines_are_json_on_stderr(running_server: RunningServer) -> None:
    """Every line of the log is a JSON object with an event, a level and a time."""
    lines = [json.loads(line) for line in running_server.log_path.read_text().splitlines()]

    assert "server.ready" in [line["event"] for line in lines]
    assert all({"event", "level", "timestamp"} <= set(line) for line in lines)


def test_uploads_wait_on_the_data_disk(running_server: RunningServer) -> None:
    """There is a folder beside the data for what is on its way in."""
    assert (running_server.data_dir / "incoming").is_dir()


def test_a_data_directory_has_one_server(running_server: RunningServer) -> None:
    """A second server on the same data refuses to start and says what to do."""
    refused = serve(running_server.data_dir)

    assert 1 == refused.returncode
    assert f"Error: Another Ragline process (pid {running_server.pid})" in refused.stderr
    assert "Traceback" not in refused.stderr


def test_a_port_in_use_is_a_sentence(running_server: RunningServer, tmp_path: Path) -> None:
    """A server whose port is taken refuses to start, before it touches its data."""
    port = running_server.url.rpartition(":")[2]

    refused = serve(tmp_path / "data", "--port", port)

    assert 1 == refused.returncode
    assert f"Error: Cannot listen on 127.0.0.1, port {port} (Address already in use)" in (
        refused.stderr
    )
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize("options", [["--workers", "2"], ["--no-worker"]])
@pytest.mark.parametrize(
    ("settings", "change"),
    [
        ({}, "set RAGLINE_DATABASE_URL to postgresql+psycopg://"),
        (
            {"database_url": "postgresql+psycopg://u@127.0.0.1:9/n", "vector_store": "qdrant_edge"},
            "set RAGLINE_VECTOR_STORE to pgvector",
        ),
    ],
    ids=["SQLite", "store with one owner"],
)
def test_a_shape_that_cannot_work_is_refused(
    tmp_path: Path, options: list[str], settings: dict[str, str], change: str
) -> None:
    """What needs several processes over shared stores says what to change."""
    refused = serve(tmp_path / "data", *options, **settings)

    assert 1 == refused.returncode
    assert change in refused.stderr
    assert "Traceback" not in refused.stderr


@pytest.mark.parametrize(
    ("url", "change"),
    [
        ("mysql://nobody@127.0.0.1/none", "set RAGLINE_DATABASE_URL to postgresql+psycopg://"),
        ("postgresql+psycopg://nobody@127.0.0.1:9/none", "correct RAGLINE_DATABASE_URL"),
        ("nonsense", "RAGLINE_DATABASE_URL"),
    ],
)
def test_a_database_that_cannot_work_is_refused(tmp_path: Path, url: str, change: str) -> None:
    """A database that is not known, or does not answer, is named at start."""
    refused = serve(tmp_path / "data", database_url=url)

    assert 1 == refused.returncode
    assert change in refused.stderr
    assert "Traceback" not in refused.stderr


def test_failpoints_are_refused_in_production(tmp_path: Path) -> None:
    """Faults for tests and production do not go together."""
    refused = serve(tmp_path / "data", failpoints="ingest.indexed=kill", production="true")

    assert 1 == refused.returncode
    assert "unset one of them" in refused.stderr


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGTERM, 0), (signal.SIGINT, 130)], ids=["SIGTERM", "Ctrl-C"]
)
def test_a_server_ends_in_order(tmp_path: Path, number: int, code: int) -> None:
    """A service manager's stop is a success; the keyboard's has the exit code of Ctrl-C."""
    server = RunningServer(tmp_path / "data")
    server.start()

    assert code == server.stop(number)
    assert "server.stopped" in server.log_path.read_text()
    assert "Traceback" not in server.log_path.read_text()


def test_a_data_directory_may_lie_deep(tmp_path: Path) -> None:
    """A path too long for a socket is none for the data: documents are read all the same."""
    with RunningServer(tmp_path / ("deep" * 25) / "data") as server, server.client() as client:
        accepted = client.add_text(client.create_project("zoo").id, "Tigers live in Bengal.")
        assert accepted.job is not None
        (*_, last) = client.wait_for(accepted.job.id)

    assert "completed" == last.status, last.error


def test_a_killed_server_goes_on_where_it_was(tmp_path: Path) -> None:
    """After a kill -9 the same data is served again, and the job that was accepted ends."""
    with RunningServer(tmp_path / "data") as server, server.client() as client:
        accepted = client.add_text(client.create_project("zoo").id, "Tigers live in Bengal.")
        server.kill()
        server.start()
        assert accepted.job is not None
        (*_, last) = client.wait_for(accepted.job.id)

    assert "completed" == last.status, last.error


def test_a_waiting_client_survives_a_restart(tmp_path: Path) -> None:
    """Who waits for a job while the server is started anew still gets its end."""
    with RunningServer(tmp_path / "data") as server, server.client() as client:
        accepted = client.add_text(client.create_project("zoo").id, "Tigers live in Bengal.")
        assert accepted.job is not None
        server.kill()
        with ThreadPoolExecutor() as pool:
            ended = pool.submit(lambda: list(client.wait_for(accepted.job.id))[-1])
            server.start()
            status = ended.result().status

    assert "completed" == status
