"""Imported first by the process that children are forked from, and nowhere else."""

from __future__ import annotations

import os

# There is one child per core: numeric libraries that start a thread per core of their own
# would only get in each other's way. They read these once, when they are imported.
for _variable in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[_variable] = "1"
