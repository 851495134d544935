# Two commands do all the set-up: `make demo` and `make test`. Both build their own virtual environment.
PYTHON ?= $(firstword $(foreach p,python3 python3.13 python3.12 python3.11,\
	$(shell $(p) -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 && echo $(p))))
VENV := .venv
BIN := $(VENV)/bin
OUT := build/demo
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check

# What is imported is compiled once, also where the environment says that nothing of it is to be kept.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: demo test fuzz lint bench docs gallery samples clean

demo: $(VENV)/.run-ready
	$(BIN)/cjmining demo --out $(OUT)

test: $(VENV)/.test-ready
	$(BIN)/python -m pytest -n 2 --dist loadfile

fuzz: $(VENV)/.test-ready
	$(BIN)/python -m tests.ingest.fuzz --cases 2000

lint: $(VENV)/.test-ready
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(VENV)/.bench-ready
	$(BIN)/python -m benchmarks

docs: $(VENV)/.docs-ready
	$(BIN)/python -m docs.assemble build/docs-source
	$(BIN)/python -m sphinx -W --keep-going -n -q -E build/docs-source build/docs
	@echo "The site is there: build/docs/index.html"

gallery: $(VENV)/.test-ready
	$(BIN)/python -m docs.gallery
	@echo "Look at it: docs/images/gallery.png"

samples: $(VENV)/.run-ready
	$(BIN)/python -m cjmining.simulate data/samples/shop

clean:
	rm -rf $(VENV) build .mypy_cache .pytest_cache .ruff_cache .hypothesis

$(VENV)/.python:
	@test -n "$(PYTHON)" || { echo "cjmining needs Python 3.11 or newer; none was found. Install one, or run: make PYTHON=/path/to/python3"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	touch $@

$(VENV)/.run-ready: $(VENV)/.python pyproject.toml
	$(PIP) --editable .
	touch $@

$(VENV)/.test-ready: $(VENV)/.python pyproject.toml
	$(PIP) --editable '.[test]'
	touch $@ $(VENV)/.run-ready

$(VENV)/.docs-ready: $(VENV)/.python pyproject.toml
	$(PIP) --editable '.[docs]'
	touch $@ $(VENV)/.run-ready

$(VENV)/.bench-ready: $(VENV)/.python pyproject.toml
	$(PIP) --editable '.[bench]'
	touch $@
