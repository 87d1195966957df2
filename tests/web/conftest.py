"""A browser, and a page of a share in it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, sync_playwright

PROGRAMS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A browser of this machine; the tests are skipped where there is none."""
    program = next(filter(None, map(shutil.which, PROGRAMS)), None)
    if program is None:
        pytest.skip("no browser is installed: apt-get install chromium")
    # A sandbox of its own needs rights that root in a container does not have.
    options: dict[str, Any] = {"args": ["--no-sandbox"]} if os.geteuid() == 0 else {}
    # Not for the whole session: its event loop would be in the way of other tests.
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=program, timeout=120_000, **options)
        yield chromium
        chromium.close()
