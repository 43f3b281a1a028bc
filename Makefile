# `make demo` and `make test` need python3 (3.11 or newer) with pip and venv, and a package index.
# Each builds the virtual environment it needs, and again when what it installs has changed.

PYTHON ?= python3
VENV ?= .venv
LOWEST ?= .venv-lowest
DIST ?= dist
# What else to install.
EXTRAS ?= test,docs
# Tests run side by side, in as many processes.
JOBS ?= auto
# More arguments: make test ARGS="tests/design -x", make demo ARGS="--simulator reactor"
ARGS ?=

BIN := $(VENV)/bin
READY := $(VENV)/.ready

.PHONY: help demo docs test test-lowest lint format wheel clean

help:
	@echo "make demo    an expensive simulator and 60 designs: a table and a figure"
	@echo "make docs    the site, with its examples run, into docs/_build/html"
	@echo "make test    unit tests and doctests"
	@echo "make test-lowest  the same with the lowest versions that pyproject.toml declares"
	@echo "make lint    ruff and the import-layer contract"
	@echo "make format  let ruff rewrite the files"
	@echo "make wheel   build the wheel into $(DIST)/"
	@echo "make clean   remove everything the targets above made"

$(READY): pyproject.toml constraints.txt
	$(PYTHON) -m venv --clear $(VENV)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable ".[$(EXTRAS)]"
	touch $@

demo: $(READY)
	$(BIN)/python examples/demo.py $(ARGS)

# Warnings are errors; links are checked, blocks of code by tests/test_docs.py.
docs: $(READY)
	$(BIN)/python -m sphinx -b html -W --keep-going $(ARGS) docs docs/_build/html

test: $(READY)
	$(BIN)/python -m pytest -n $(JOBS) $(ARGS)

# In an environment of its own, anew each time; its torch is a CUDA build of several gigabytes.
test-lowest:
	$(PYTHON) -m venv --clear $(LOWEST)
	$(LOWEST)/bin/python .ci/lowest.py > $(LOWEST)/constraints.txt
	$(LOWEST)/bin/python -m pip install --quiet --constraint $(LOWEST)/constraints.txt --editable ".[$(EXTRAS)]"
	$(LOWEST)/bin/python -m pytest -n $(JOBS) $(ARGS)

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports

format: $(READY)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# setuptools reuses build/: a module deleted since the last build would still be shipped.
wheel: $(READY)
	rm -rf build
	$(BIN)/python -m pip wheel --quiet --no-deps --wheel-dir $(DIST) .

clean:
	rm -rf $(VENV) $(LOWEST) $(DIST) build *.egg-info
	rm -rf docs/_build docs/api docs/auto_examples docs/auto_figures docs/sg_execution_times.rst
	rm -rf .pytest_cache .ruff_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
