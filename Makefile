# Every target works from a clean clone: it makes .venv and installs what is missing.
.DEFAULT_GOAL := help
SHELL := /bin/bash
PYTHON ?= python3
BIN := .venv/bin
INSTALLED := .venv/installed
INSTALLED_SERVICES := .venv/installed-services

.PHONY: help compare test test-services test-full lint clean

help: ## show this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{ printf "  make %-15s %s\n", $$1, $$2 }'

compare: $(INSTALLED) ## install, compare the architectures on real text, end with the report's path
	$(BIN)/seqbench sweep experiments=quickstart

test: lint ## install, run the linters and the test suite
	$(BIN)/python -m pytest -n 2 --dist worksteal -m "not full and not service"

test-services: $(INSTALLED_SERVICES) ## run the tests that need a service (skipped, with a reason, where it is missing)
	$(BIN)/python -m pytest -m service -rs

test-full: $(INSTALLED) ## run the long tests too
	$(BIN)/python -m pytest -n 2 --dist worksteal -m "not service"

lint: $(INSTALLED) ## check style, types and import directions
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

clean: ## remove .venv and caches; outputs/ stays
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .import_linter_cache

$(INSTALLED): pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	touch $(INSTALLED)

$(INSTALLED_SERVICES): $(INSTALLED)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev,browser,ray,slurm]'
	touch $(INSTALLED_SERVICES)
