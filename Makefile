# Everyday tasks. `make` alone lists them. Works with uv on PATH, or with python3 alone.

UV_VERSION := 0.13.9
PYTHON ?= python3
UV := $(shell command -v uv 2>/dev/null || echo .uv/bin/uv)
RUN := $(UV) run --frozen --no-sync
PYTEST := $(RUN) pytest -q
# One process a core; see `_TOGETHER` in tests/conftest.py for what stays in one of them.
SPREAD := --numprocesses=auto --maxprocesses=4 --dist=loadgroup
EXPORT := $(UV) export --quiet --frozen --extra test --no-dev --no-emit-project --format requirements.txt --no-header
SYNCED := .venv/.synced
CODE := $(wildcard src simulator tests benchmarks migrations *.py)
PUBLIC_INDEX := ^https://(pypi\.org|files\.pythonhosted\.org)$$

# uv brings its own root certificates; behind a company's proxy only the system's know the way.
ifneq ($(wildcard /etc/ssl/certs/ca-certificates.crt /etc/pki/tls/certs/ca-bundle.crt /etc/ssl/cert.pem),)
export UV_SYSTEM_CERTS ?= 1
endif

# Else each of many processes compiles all that it imports.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help install demo test quick check static format endurance coverage bench requirements

help: ## List these targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-13s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

install: $(SYNCED) ## Create .venv with everything that runs and tests the project
	@:

demo: $(SYNCED) ## Start the product beside a simulated Spotify (ARGS="--port 8000")
	@$(RUN) playhead demo $(ARGS)

test: $(SYNCED) ## Run every test; starts PostgreSQL and Valkey by itself (ARGS="-k words -n 0")
	@$(PYTEST) $(SPREAD) $(ARGS)

quick: $(SYNCED) ## Run the tests that need no server
	@$(PYTEST) -m "not server" $(ARGS)

check: static ## Run all that a change must pass: format, lint, types, imports, locks, tests
	@$(PYTEST) $(SPREAD) $(ARGS)

static: $(SYNCED) ## Run the part of `check` that runs no test
	@$(RUN) ruff format --check --quiet $(CODE) || { echo 'Run: make format'; exit 1; }
	@$(RUN) ruff check --quiet $(CODE)
	@$(RUN) mypy --no-error-summary
	@$(RUN) lint-imports --no-cache > .venv/lint-imports.log || { cat .venv/lint-imports.log; exit 1; }
	@$(UV) lock --check --offline --quiet || { echo 'uv.lock is older than pyproject.toml. Run: uv lock'; exit 1; }
	@! grep -oE 'https?://[^/"]+' uv.lock | sort -u | grep -vE '$(PUBLIC_INDEX)' \
		|| { echo 'uv.lock names an index that others cannot reach.'; exit 1; }
	@$(EXPORT) | diff - requirements.txt > /dev/null || { echo 'requirements.txt differs from uv.lock. Run: make requirements'; exit 1; }

format: $(SYNCED) ## Format the code and mend what the linter can mend
	@$(RUN) ruff check --quiet --fix-only $(CODE)
	@$(RUN) ruff format --quiet $(CODE)

endurance: $(SYNCED) ## Run the long tests: many seeds, many crashes (hours)
	@PLAYHEAD_ENDURANCE=1 $(PYTEST) -m endurance -o faulthandler_timeout=7200 $(ARGS)

coverage: $(SYNCED) ## Run every test and show the branches that none of them takes
	@$(PYTEST) $(SPREAD) --cov --cov-report=term $(ARGS)

bench: $(SYNCED) ## Run every benchmark (ARGS=--quick for a short one)
	@for claim in benchmarks/[a-z]*.py; do \
		[ "$$claim" = benchmarks/harness.py ] || $(RUN) python -m "benchmarks.$$(basename "$$claim" .py)" $(ARGS) || exit 1; \
	done

requirements: $(SYNCED) ## Export requirements.txt, with hashes, from uv.lock
	@$(EXPORT) > requirements.txt

$(SYNCED): pyproject.toml uv.lock | $(filter .uv/%,$(UV))
	@$(UV) sync --frozen --quiet
	@touch $@

.uv/bin/uv:
	@command -v $(PYTHON) > /dev/null || { echo 'Playhead needs Python 3.11 or later: apt install python3'; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo 'Playhead needs Python 3.11 or later; name one with: make PYTHON=python3.13 ...'; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2> /dev/null \
		|| { echo 'This Python cannot make virtual environments: apt install python3-venv'; exit 1; }
	@$(PYTHON) -m venv .uv
	@.uv/bin/python -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)
