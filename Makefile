# `make run` serves the demo shop, `make test` tests it. Both need Python 3.11 (with venv), make
# and nothing else; what they install goes into .venv, what they write into var.

PYTHON ?= python3
VENV := .venv
PY := $(VENV)/bin/python
INSTALLED := $(VENV)/.installed
PYTEST := $(PY) -m pytest -n 2

# Somebody's activated environment or project must not leak into ours.
unexport VIRTUAL_ENV PYTHONPATH PYTHONHOME DJANGO_SETTINGS_MODULE
# Without compiled files every process that a test starts compiles Django again, 3 of its 4.5 CPU seconds.
unexport PYTHONDONTWRITEBYTECODE PYTHONPYCACHEPREFIX

.DEFAULT_GOAL := help
.PHONY: help install run demo test test-services test-browser faults bench lint format openapi texts examples \
  requirements constraints ci clean

help: ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

install: $(INSTALLED) ## create .venv and install everything into it

run: $(INSTALLED) ## serve the demo shop (HOST, PORT, DATABASE_URL, REDIS_URL, PUBLIC_URL)
	@exec $(PY) -m gateway.project.serve

demo: $(INSTALLED) ## play an agent against a running server (SCENARIO=name chooses one)
	@exec $(PY) -m gateway.demo $(if $(SCENARIO),--scenario $(SCENARIO)) $(ARGS)

test: $(INSTALLED) ## run the suite on SQLite, without any service (ARGS= for pytest)
	@exec env -u DATABASE_URL -u REDIS_URL -u HOST -u PORT -u PUBLIC_URL -u VAR_DIR \
	  $(PYTEST) -m "not services and not browser and not bench" $(ARGS)

test-services: $(INSTALLED) ## run what touches a database on PostgreSQL and Redis, races included
	@test -n "$$DATABASE_URL" && test -n "$$REDIS_URL" || { \
	  echo "make test-services needs two addresses, for example:"; \
	  echo "  DATABASE_URL=postgres://postgres@127.0.0.1:5432/postgres REDIS_URL=redis://127.0.0.1:6379/0 make test-services"; \
	  echo "Nothing at hand? .ci/services start DIR starts both, for you alone."; \
	  exit 2; }
	@exec env -u HOST -u PORT -u PUBLIC_URL -u VAR_DIR \
	  $(PYTEST) -m "not browser and not bench" --with-database $(ARGS)

test-browser: $(INSTALLED) ## walk the pages for people in a real Chromium (CHROMIUM= names one)
	@$(PY) -m tests.browser.chromium >/dev/null
	@exec env -u DATABASE_URL -u REDIS_URL -u HOST -u PORT -u PUBLIC_URL -u VAR_DIR \
	  $(PYTEST) -m browser tests/browser $(ARGS)

faults: $(INSTALLED) ## race, stop and kill real servers (SIZE=pr or full, ONLY=R06,R07; reports in var/faults)
	@exec env -u HOST -u PORT -u PUBLIC_URL -u VAR_DIR -u WORKERS -u THREADS \
	  $(PY) -m tests.faults --size $(or $(SIZE),full) $(if $(ONLY),--only $(ONLY)) $(ARGS)

bench: $(INSTALLED) ## measure throughput and CPU beside the baselines (needs DATABASE_URL)
	@test -n "$$DATABASE_URL" || { echo "make bench needs PostgreSQL in DATABASE_URL"; exit 2; }
	@exec $(PY) -m pytest -m bench -s -p no:cacheprovider $(ARGS)

lint: $(INSTALLED) ## style, types, import contracts
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(PY) -m mypy
	$(VENV)/bin/lint-imports --no-logo

format: $(INSTALLED) ## put the code in the one style
	$(PY) -m ruff check --fix .
	$(PY) -m ruff format .

openapi: $(INSTALLED) ## write the OpenAPI document again after a change
	$(PY) manage.py agentic_openapi

examples: $(INSTALLED) ## record docs/examples again, and fill the guides with them
	$(PY) -m tests.examples

requirements: $(INSTALLED) ## write docs/requirements.md again after a change of marks
	$(PY) -m tests.requirements table

pictures: $(INSTALLED) ## take the pictures of the documentation again after a change of pages
	$(PY) -m docs.pictures

texts: $(INSTALLED) ## find new texts for people, and compile their translations
	$(PY) -m tests.catalogs

constraints: $(INSTALLED) ## resolve the versions in constraints.txt again
	$(VENV)/bin/uv pip compile --quiet --universal --upgrade --all-extras --no-header --no-annotate \
	  --python-version 3.11 --output-file constraints.txt pyproject.toml

ci: ## every gate, as the CI runs them (installs PostgreSQL, Redis and Chromium from Debian if missing)
	@exec .ci/run

clean: ## remove the environment and all caches; var (the demo's data) stays
	rm -rf $(VENV) build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# uv is quick; where it cannot be had or does not find the index, pip does the same.
$(INSTALLED): pyproject.toml constraints.txt
	@command -v $(PYTHON) >/dev/null || { echo "No $(PYTHON) found: install Python 3.11 or newer."; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "Python 3.11 or newer is needed, this is $$($(PYTHON) --version). Name another: make PYTHON=python3.12"; \
	  exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
	  echo "Python's venv module is missing. On Debian and Ubuntu: apt install python3-venv"; \
	  exit 1; }
	@$(PY) -c 'import pip' 2>/dev/null || $(PYTHON) -m venv --clear $(VENV)
	@echo "Installing into $(VENV) (once; a minute or less)"
	@$(PY) -m pip install --quiet --disable-pip-version-check uv \
	  && $(PY) -m uv pip install --quiet --python $(PY) -c constraints.txt -e '.[dev]' \
	  || $(PY) -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@touch $@
