# Everything a contributor runs. `make up` starts the product, `make test` proves it, `make check` reads it.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
PYTHON ?= python3
BIN := .venv/bin
RUNTIME := .venv/.runtime-installed
DEV := .venv/.dev-installed

.PHONY: help up test fuzz fuzz-api test-databases test-matrix check bench bench-cost bench-pages proof-rates proof-kill chaos fmt clean \
  pins hooks
.PHONY: help up test fuzz fuzz-api test-databases test-matrix check bench bench-cost bench-mixed proof-rates proof-kill chaos fmt clean pins hooks

help: ## show this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /  make \1\t/' | expand -t 24

up: $(RUNTIME) ## start PostgreSQL, gateway, web and worker with a demo workspace (PORT, DJANGO_AUTOMATE_HOME, DATABASE_URL)
	@exec $(BIN)/automate up

test: $(DEV) ## run every test: unit, integration, processes, browser
	@./.ci/system-packages
	@$(BIN)/python -m tests

fuzz: $(DEV) ## every property of the suite with new examples, twenty times as many
	@EXAMPLES_TIMES=20 $(BIN)/python -m tests -m hypothesis -n 2 -q

fuzz-api: $(DEV) ## made-up requests to every operation of the API, 200 each (FUZZ_API_EXAMPLES)
	@FUZZ_API_EXAMPLES=$${FUZZ_API_EXAMPLES:-200} $(BIN)/python -m pytest -q -n 2 tests/web/api/test_fuzz.py

test-databases: $(DEV) ## the engine in a plain project on SQLite, PostgreSQL (two releases) and MariaDB, servers included
	@$(BIN)/python -m tests.engine.databases $(ARGS)

test-matrix: $(DEV) ## the engine (its own tests, a plain project) on every Python found here and Django 4.2, 5.2, 6.0
	@$(BIN)/python -m tests.engine.matrix $(ARGS)

check: $(DEV) ## format, lint, types, import contracts, missing migrations, breaking changes of the API, container file, compose, chart
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/automate migrate --check-models
	@DJANGO_SETTINGS_MODULE=automate_platform.typing_settings $(BIN)/python -m django automate_openapi --check
	$(BIN)/yamllint --strict -c deploy/yamllint.yaml deploy/compose.yaml deploy/chart/Chart.yaml deploy/chart/values.yaml
	@if command -v $(BIN)/hadolint >/dev/null; then $(BIN)/hadolint --failure-threshold info deploy/Containerfile; fi

bench: $(DEV) ## measure the whole path beside the ceiling; the result goes to loadtests/results (needs a quiet machine)
	@$(BIN)/python -m loadtests.bench --output loadtests/results/latest.md

bench-cost: $(DEV) ## measure the processor time of one event, with and without policy and redaction (needs a quiet machine)
	@$(BIN)/python -m loadtests.cost --without --output loadtests/results/latest-cost.md

bench-pages: $(DEV) ## measure every page over a million runs, with the plan of what is over its budget (ten minutes)
	@$(BIN)/python -m loadtests.pages --explain --output loadtests/results/latest-pages.md
bench-mixed: $(DEV) ## people and senders over 25 workspaces for a minute, by Locust; is every accepted event at its receiver?
	@$(BIN)/python -m loadtests.mixed --output loadtests/results/mixed.md

proof-rates: $(DEV) ## attack webhook rates of 100 and 5,000 a minute for 130 s each, 80 threads in 4 processes
	@$(BIN)/python -m loadtests.rates --output loadtests/results/rates.md

proof-kill: $(DEV) ## kill -9 real workers at every write point of the step loop; 500 random runs under misfortune (half an hour)
	@AUTOMATE_PROOF_KILLS=all AUTOMATE_PROOF_EXAMPLES=500 $(BIN)/python -m pytest -q tests/engine/plain/test_kills.py \
	  tests/engine/automate/execution/test_run_kills.py tests/engine/automate/execution/test_run_state_machine.py

chaos: $(DEV) ## make everything fail under load, CHAOS_ROUNDS times (20: hours; 1: ten minutes); is every promise kept?
	@$(BIN)/python -m tests.chaos --rounds $${CHAOS_ROUNDS:-20} --output loadtests/results/chaos.md

fmt: $(DEV) ## format the code and sort its imports
	$(BIN)/ruff check --fix --exit-zero .
	$(BIN)/ruff format .

hooks: $(DEV) ## run the checks before each commit
	$(BIN)/prek install

clean: ## remove the environment and the caches; data under var/ stays
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis build dist
	find engine platform tenants billing web tests -name __pycache__ -type d -prune -exec rm -rf {} +

PIN := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header \
  --no-emit-index-url --no-emit-find-links --no-emit-package django-automate --no-emit-package automate-platform

pins: $(DEV) ## resolve the dependencies again and write the hashed pins; no registry address is recorded
	printf 'uv\nhatchling>=1.27\neditables>=0.5\n' | $(PIN) - -o requirements-bootstrap.txt
	$(PIN) pyproject.toml engine/pyproject.toml --extra embedded -o requirements.txt
	$(PIN) pyproject.toml engine/pyproject.toml requirements-bootstrap.txt --extra embedded --group dev --group test \
	  -c requirements.txt -o requirements-dev.txt
	$(PIN) pyproject.toml engine/pyproject.toml --extra openai --extra anthropic -c requirements-dev.txt \
	  -o deploy/requirements.txt

# --- the environment: made once, made again only when a pin changes ---------------------------------------------

.venv/bin/python:
	@./.ci/environment create $(PYTHON)

$(RUNTIME): requirements-bootstrap.txt requirements.txt pyproject.toml engine/pyproject.toml | .venv/bin/python
	@./.ci/environment install requirements.txt
	@touch $@

$(DEV): requirements-bootstrap.txt requirements-dev.txt pyproject.toml engine/pyproject.toml | .venv/bin/python
	@./.ci/environment install requirements-dev.txt
	@touch $@ $(RUNTIME)
