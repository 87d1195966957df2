"""The model of jobs holds, and each safeguard in it is needed."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.docs.reference import DOCS

MODEL = DOCS / "model"
MOST_SECONDS = 1800
missing = [tool for tool in ("bash", "spin", "gcc") if shutil.which(tool) is None]
pytestmark = pytest.mark.skipif(
    bool(missing), reason=f"the model checker needs {', '.join(missing)} on this machine"
)


def check(folder: Path, scope: str) -> subprocess.CompletedProcess[str]:
    """Run the checks of the model in this folder; return their exit code and output."""
    return subprocess.run(
        [folder / "check.sh", scope],
        capture_output=True,
        text=True,
        timeout=MOST_SECONDS,
        check=False,
    )


def test_model_holds_with_one_crash() -> None:
    """Spin finds no fault in the small model, and one without each safeguard."""
    done = check(MODEL, "quick")

    assert (0, "") == (done.returncode, done.stderr), done.stdout


@pytest.mark.faults
def test_model_holds_with_all_faults() -> None:
    """Spin finds no fault with two crashes, a stall, a cancelling and a retry."""
    done = check(MODEL, "full")

    assert (0, "") == (done.returncode, done.stderr), done.stdout


@pytest.mark.faults
def test_broken_model_is_noticed(tmp_path: Path) -> None:
    """The checks fail where publishing has lost its fence."""
    folder = Path(shutil.copytree(MODEL, tmp_path / "model"))
    model = folder / "jobs.pml"
    fence = "#define FENCE(a) (JOB_OPEN(a) && CURRENT(a))"
    assert fence in model.read_text()
    model.write_text(model.read_text().replace(fence, "#define FENCE(a) true"))

    assert 1 == check(folder, "quick").returncode
