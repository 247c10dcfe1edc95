# Every target does its own set-up. The two that matter: `make quickstart` and `make test`.
SHELL := /bin/bash
VENV ?= .venv
BIN := $(VENV)/bin
export VENV
# a process for each CPU; most of what starts engines is in one of them, other files where there is room (tests/conftest.py)
SIDE_BY_SIDE := -n logical --dist loadfile --no-loadscope-reorder

.PHONY: help setup toolchains quickstart test test-all test-fast test-browser bench-check check docs format clean

help: ## list the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 14

setup: ## make .venv with everything pinned (GPU or CPU, whichever is here)
	@infra/setup.sh

toolchains: ## install the compilers of the gcc, clang, mingw, rust and go verifiers, where apt may
	@infra/toolchains.sh

quickstart: setup ## train the embedded model on the starter tasks: the whole loop, a few minutes on 2 cores
	$(BIN)/python -m halo_raft.pipelines.raft --config configs/quickstart.yaml

test: setup ## the tests, with the real engine, Ray, MLflow and sandbox
	$(BIN)/python -m pytest -m "not slow" $(SIDE_BY_SIDE)

test-all: setup ## the slow tests too: every attack in both tiers as two users, studies, compose's services
	infra/postgres.sh
	$(BIN)/python -m pytest $(SIDE_BY_SIDE)

test-fast: setup ## unit tests alone
	$(BIN)/python -m pytest -n logical --dist loadfile tests/unit

test-browser: setup ## MLflow and the report as a person sees them, in headless Chromium
	infra/browser.sh
	$(BIN)/python -m pytest -m browser tests/integration/test_browser.py

bench-check: setup ## the benchmarks again: fails where ours has fallen behind the others by more than 15%
	$(BIN)/python bench/check.py

check: setup ## linters, formatter, types, import rules
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/hadolint infra/Dockerfile infra/Dockerfile.rocm

docs: ## this documentation as a site, in site/, with packages of its own
	@infra/docs.sh

format: setup ## rewrite the code in the house's format
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean: ## remove the environment and caches; runs and results stay
	rm -rf $(VENV) .venv-docs site .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
