"""What all scripts take from the command line and the environment."""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

TEST_DATA = "RAGLINE_TEST_DATA"


def parser(description: str | None) -> argparse.ArgumentParser:
    """Return a parser with the options that every script has."""
    made = argparse.ArgumentParser(
        description=description, formatter_class=argparse.ArgumentDefaultsHelpFormatter
    )
    made.add_argument("--json", type=Path, metavar="FILE", help="write the results here as well")
    made.add_argument(
        "--folder", type=Path, metavar="DIR", help="make data directories in here, on a real disk"
    )
    return made


def parsed(parser: argparse.ArgumentParser, *needs: str) -> argparse.Namespace:
    """Parse the command line and forget the caller's settings: defaults are measured.

    Ends with what to do where one of the folders of test data in `needs` is missing.
    """
    for name in [each for each in os.environ if each.startswith("RAGLINE_") and each != TEST_DATA]:
        del os.environ[name]
    given = parser.parse_args()
    for name in needs:
        test_data(name)
    return given


@contextmanager
def data_dir(options: argparse.Namespace) -> Iterator[Path]:
    """Give a folder that does not exist yet, and remove it afterwards."""
    with tempfile.TemporaryDirectory(prefix="ragline-", dir=options.folder) as folder:
        yield Path(folder) / "data"


def test_data(name: str) -> Path:
    """Return a folder of the test data, or end with what to do."""
    root = os.environ.get(TEST_DATA)
    folder = Path(root) / name if root else None
    if folder is None or not folder.is_dir():
        sys.exit(f"Set {TEST_DATA} to the folder of test data: there must be a folder {name!r}.")
    return folder
