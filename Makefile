# Everything runs from here: `make demo` or `make test` on a fresh machine is all it takes.
BIN := .venv/bin
STAMP := .venv/.installed
SUPPORTED := import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))
PYTHON ?= $(shell for python in python3 python3.13 python3.12 python3.11; do \
	$$python -c '$(SUPPORTED)' 2>/dev/null && echo $$python && break; done)

.DEFAULT_GOAL := help
.PHONY: help setup demo check test lint bench gate lock

help: ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-7s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: $(STAMP) ## install the locked dependencies into .venv, where they are not there yet

demo: $(STAMP) ## make 2,000 videos, run the whole pipeline on them, search, and show what is found
	@$(BIN)/reelflow demo

check: $(STAMP) ## run the quick tests: no Ray, Prefect server, PostgreSQL, browser or command
	@$(BIN)/pytest -n 2 -m "not (ray or service or postgres or browser or commands or slow)"

test: $(STAMP) ## run all tests
	@$(BIN)/pytest

lint: $(STAMP) ## check style, types and words, and dependencies for known faults
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check
	@$(BIN)/mypy
	@$(BIN)/python tests/measure_words.py
	@$(BIN)/python tests/scan.py

bench: $(STAMP) ## measure speed, orchestration and memory
	@$(BIN)/python tests/bench

gate: $(STAMP) ## compare ratios of speed with recorded ones: two minutes; fails beyond a band
	@$(BIN)/python tests/bench --gate

lock: $(STAMP) ## choose the versions of all dependencies anew
	@$(BIN)/uv pip compile --quiet --upgrade --universal --python-version 3.11 --all-extras \
		--generate-hashes --no-header --output-file requirements.lock pyproject.toml
	@$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header \
		--constraint requirements.lock --output-file deployments/server.lock deployments/server.in

$(STAMP): requirements.lock pyproject.toml
	@test -n "$(PYTHON)" || { echo "reelflow needs Python 3.11 to 3.13: make PYTHON=path/to/python"; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@test -x $(BIN)/uv || $(BIN)/python -m pip install --quiet --disable-pip-version-check uv
	@$(BIN)/uv pip sync --python $(BIN)/python --require-hashes --compile-bytecode requirements.lock
	@$(BIN)/uv pip install --python $(BIN)/python --no-deps --no-build-isolation --editable .
# Where Python may write no bytecode (PYTHONDONTWRITEBYTECODE, folders of somebody else), every
# command would compile what it imports anew; what is edited later is noticed by its time.
	@$(BIN)/python -m compileall -q data engines tasks flows
	@touch $@
