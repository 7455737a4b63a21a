# Set-up happens by itself, once: .venv in this folder, and Ice in your cache.
# Another Python: make setup PYTHON=/path/to/python3.12

PYTHON ?= $(shell for p in python3.13 python3.12 python3.11 python3; do \
	$$p -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null && echo $$p && break; done)
RUN = .venv/bin/python -m
# A process a core, with a sandbox each; files in their order, for the short ones come last.
SPREAD = -n logical --maxprocesses 8 --dist loadfile --no-loadscope-reorder
# Strict: a dead link or anchor is an error. What mkdocs says is shown where it failed.
SITE = out=$$($(RUN) mkdocs build --strict 2>&1) || { echo "$$out"; exit 1; }

# What Python compiled is kept, whatever the environment says: every sandbox imports thousands of modules.
export PYTHONDONTWRITEBYTECODE =

.PHONY: help setup demo test test-real test-all bench lint docs clean
.DEFAULT_GOAL = help

help:
	@echo "make demo       run the main job from end to end on a sandbox OMERO"
	@echo "make test       run the tests"
	@echo "make test-real OMERO=host:port DB=service REPOSITORY=dir   run the contract and the integration tests on a server"
	@echo "make test-all   run the tests, the slow ones as well"
	@echo "make bench      measure"
	@echo "make lint       style, import contracts, types and dead links"
	@echo "make docs       docs/ and a reference of all verbs as a site: build/site/index.html"
	@echo "make setup      make .venv only (the others do so when it is needed); PYTHON=... to choose"
	@echo "make clean      remove .venv and what tools left; the Ice wheel stays in your cache"

setup: .venv/ready

.venv/ready: setup.cfg pyproject.toml tools/pins.txt
	@test -n "$(PYTHON)" || { echo "No Python 3.11, 3.12 or 3.13 found: install one (Debian: python3, conda: python=3.13) or say make PYTHON=/path/to/it"; exit 1; }
	@"$(PYTHON)" -m tools.environment

demo: .venv/ready
	@$(RUN) demo

test: .venv/ready
	@$(RUN) pytest -q $(SPREAD) -m "not slow and not long" tests

test-real: .venv/ready
	@test -n "$(OMERO)" || { echo "Say which server: make test-real OMERO=host:port DB=service"; exit 1; }
	@$(RUN) pytest -q -m "not slow" --timeout 1200 tests/contract tests/integration --omero="$(OMERO)" \
		$(if $(DB),--db="$(DB)") $(if $(REPOSITORY),--managed-repository="$(REPOSITORY)") \
		$(if $(OMERODIR),--omerodir="$(OMERODIR)") $(if $(WEB),--web="$(WEB)")

test-all: .venv/ready
	@$(RUN) pytest -q $(SPREAD) tests

bench: .venv/ready
	@$(RUN) bench

lint: .venv/ready
	@.venv/bin/ruff check --quiet --output-format concise .
	@out=$$(.venv/bin/lint-imports --no-logo 2>&1) || { echo "$$out"; exit 1; }
	@$(RUN) mypy
	@$(SITE)

docs: .venv/ready
	@$(SITE)
	@echo "build/site/index.html"

clean:
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache build dist *.egg-info
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
