# Two commands do everything on a fresh machine with Python 3.11 or newer: `make up` and `make test`.
PYTHON ?= $(shell for p in python3.13 python3.12 python3.11 python3; do \
	command -v $$p >/dev/null 2>&1 && $$p -c 'import sys; sys.exit(not sys.version_info >= (3, 11))' 2>/dev/null \
	&& echo $$p && break; done)
BIN := .venv/bin
.DEFAULT_GOAL := help
.PHONY: help up test lint test-browser bench derive package deploy changes rollback destroy accept lock clean

help: ## show this
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

.venv/ready: requirements.txt requirements-dev.txt
	@test -n "$(PYTHON)" || { echo "Parapet needs Python 3.11, 3.12 or 3.13; none was found. Set PYTHON=/path/to/python3" >&2; exit 1; }
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --only-binary :all: \
		-r requirements-dev.txt
	@touch $@

up: .venv/ready ## start the local account with Parapet at work in it; Ctrl-C ends it
	@exec $(BIN)/python -m local

test: .venv/ready lint ## everything that is proven, but the browser
	$(BIN)/python -m pytest -n 3 --dist loadgroup -m "not browser"

lint: .venv/ready ## style, types, derived files, accepted rights
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python -m deploy.derive --check
	$(BIN)/python -m deploy.accept --check

test-browser: .venv/ready ## what a person sees, in headless Chromium
	@command -v chromium >/dev/null || { echo "installing Chromium"; \
		if [ "$$(id -u)" = 0 ]; then sudo=; else sudo=sudo; fi; \
		$$sudo apt-get update -qq && $$sudo apt-get install -y -qq chromium >/dev/null; }
	$(BIN)/python -m pytest -m browser

bench: .venv/ready ## the numbers of docs/performance.md
	$(BIN)/python -m benchmarks

derive: .venv/ready ## write what follows from the guardrails: policies, docs/guardrails.md
	$(BIN)/python -m deploy.derive

package: .venv/ready ## build/parapet.zip, what Lambda gets, with its bill of materials and licences
	$(BIN)/python -m deploy.package

# STAGE=prod names the installation. Optional: REGION=, BUCKET=, PARAMETERS='Name=value …', PROMOTE=name,…|all, YES=1, and
# CANARY_VPC=vpc-… or NO_CANARY=1 for the check at the end: what is given to make is environment to what it runs.
deploy: .venv/ready ## STAGE=prod: show what would change, ask, do it, check that it works
	@$(BIN)/python -m deploy deploy

changes: .venv/ready ## STAGE=prod: show what a deployment would change, and change nothing
	@$(BIN)/python -m deploy changes

rollback: .venv/ready ## STAGE=prod: return to the release before
	@$(BIN)/python -m deploy rollback

destroy: .venv/ready ## STAGE=prod: remove it; the journal stays, unless DELETE_JOURNAL=1
	@$(BIN)/python -m deploy destroy

accept: .venv/ready ## WHY="…": accept the rights that are new, without which `make lint` fails
	@$(BIN)/python -m deploy.accept "$$WHY"

lock: ## pin everything anew, with hashes: what Lambda runs, and what development needs
	$(PYTHON) -m venv .venv-lock
	.venv-lock/bin/python -m pip install --quiet uv==0.13.8
	for set in requirements requirements-dev; do \
		.venv-lock/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header \
			--no-emit-index-url $$set.in -o $$set.txt || exit 1; done
	rm -rf .venv-lock

clean: ## remove what was installed or generated
	rm -rf .venv .venv-lock .mypy_cache .ruff_cache .pytest_cache .hypothesis build local/env local/parapet.toml
