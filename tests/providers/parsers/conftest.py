import os
from pathlib import Path

import pytest

from ragline.compute.pool import ComputePool, Limits
from ragline.providers.parsers.tasks import PRELOAD

MIB = 1024**2


@pytest.fixture(scope="session")
def pool():
    pool = ComputePool(2, preload=PRELOAD)
    yield pool
    pool.close()


@pytest.fixture(scope="session")
def limits():
    """The settings' defaults, with shorter times."""
    return Limits(
        wall_seconds=30,
        cpu_seconds=20,
        memory_bytes=1536 * MIB,
        open_files=128,
        output_bytes=64 * MIB,
    )


@pytest.fixture(scope="session")
def pdfs():
    """The folder of real PDFs."""
    folder = os.environ.get("RAGLINE_TEST_DATA")
    if not folder:
        pytest.skip("RAGLINE_TEST_DATA does not point at the real input")
    return Path(folder) / "pdfs"
