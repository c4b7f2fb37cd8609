# The two commands of the README are demo and test; each makes .venv once and installs nothing the second time.
PYTHON ?= python3
BIN := .venv/bin
CORE := .venv/installed-core
STAMP := .venv/installed-dev

.PHONY: demo test test-all test-browser lint types docs bench clean

demo: $(CORE)
	$(BIN)/axbar demo --out runs/demo

# Two workers; one torch thread each, or they would wait for each other.
test: $(STAMP)
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist loadfile

test-all: $(STAMP)
	$(BIN)/python -m pytest -m "not browser"
	$(BIN)/python -m pytest -m browser

test-browser: $(STAMP)
	$(BIN)/python -m pytest -m browser -rs

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(STAMP)
	$(BIN)/pyright

docs: $(STAMP)
	$(BIN)/pip install --quiet -e ".[docs]"
	$(BIN)/mkdocs build --strict

bench: $(STAMP)
	$(BIN)/python benchmarks/neuron.py
	$(BIN)/python benchmarks/estimate.py

$(CORE): pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/pip install --disable-pip-version-check --quiet -e .
	touch $(CORE)

$(STAMP): $(CORE)
	$(BIN)/pip install --disable-pip-version-check --quiet -e ".[dev]"
	touch $(STAMP)

clean:
	rm -rf .venv build dist site runs
