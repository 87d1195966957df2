"""How commands find their server and key, and what they say where that fails."""

from __future__ import annotations

import signal
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

from tests.cli.conftest import Ragline
from tests.inprocess import Tenant
from tests.servers import RAGLINE, clean_environment


def test_no_server_is_a_sentence(ragline: Ragline) -> None:
    """A refused connection says how to get a server."""
    result = ragline("jobs", "list", RAGLINE_URL="http://127.0.0.1:9")

    assert 1 == result.exit_code
    assert (
        "Error: No Ragline server answers at http://127.0.0.1:9: "
        "start one with `ragline serve`, or set RAGLINE_URL.\n"
    ) == result.stderr


def test_a_url_that_is_none_is_a_sentence(ragline: Ragline) -> None:
    """A wrong RAGLINE_URL is named."""
    result = ragline("jobs", "list", RAGLINE_URL="localhost")

    assert 1 == result.exit_code
    assert "Error: 'localhost' is not the URL of a server" in result.stderr


def test_a_wrong_key_is_a_sentence(ragline: Ragline) -> None:
    """The server's own words are shown."""
    result = ragline("jobs", "list", RAGLINE_API_KEY="wrong")

    assert (1, "") == (result.exit_code, result.stdout)
    assert "Error: This API key is not known" in result.stderr


def test_the_key_in_the_data_directory_is_used(
    ragline: Ragline, tenant: Tenant, tmp_path: Path
) -> None:
    """Without RAGLINE_API_KEY, the key that the first start kept is the one."""
    (tmp_path / "data").mkdir()
    (tmp_path / "data/api_key").write_text(tenant.key + "\n")

    assert 0 == ragline("jobs", "list", RAGLINE_API_KEY=None).exit_code


def test_an_invalid_setting_is_a_sentence(ragline: Ragline) -> None:
    """A setting that cannot be is named before anything is done."""
    result = ragline("jobs", "list", RAGLINE_PORT="many")

    assert 1 == result.exit_code
    assert "Error: The setting RAGLINE_PORT is not valid" in result.stderr


@contextmanager
def silent_server() -> Iterator[tuple[str, threading.Event]]:
    """Give the URL of a server that never answers, and what is set once it was asked."""
    asked, closing = threading.Event(), threading.Event()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.set()
            closing.wait()

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}", asked
        closing.set()
        server.shutdown()
        thread.join()


def test_ctrl_c_ends_a_command_quietly(tmp_path: Path) -> None:
    """Who stops waiting gets the exit code of Ctrl-C, and no trace."""
    with silent_server() as (url, asked):
        waiting = subprocess.Popen(
            [RAGLINE, "jobs", "watch", "any"],
            env=clean_environment(url=url, data_dir=tmp_path),
            stderr=subprocess.PIPE,
            # Whoever runs the tests in the background may have it ignored.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )
        assert asked.wait(60)
        waiting.send_signal(signal.SIGINT)
        _, errors = waiting.communicate(timeout=30)

    assert (130, b"") == (waiting.returncode, errors)
