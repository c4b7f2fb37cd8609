# The two commands of the README are demo and test; each makes .venv once and installs nothing the second time.
PYTHON ?= python3
BIN := .venv/bin
CORE := .venv/installed-core
STAMP := .venv/installed-dev
INTEROP := .interop-venv

.PHONY: demo test test-all test-browser test-interop freeze-interop lint types docs bench bench-interop clean

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

# The real snnTorch, SpikingJelly, Norse and sinabs beside axbar, in an environment of their own.
test-interop: $(INTEROP)/installed
	OMP_NUM_THREADS=1 $(INTEROP)/bin/python -m pytest tests/interop -o filterwarnings=ignore

# Record their spikes anew for the tests that run without them.
freeze-interop: $(INTEROP)/installed
	OMP_NUM_THREADS=1 $(INTEROP)/bin/python tests/interop/freeze.py

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

bench-interop: $(INTEROP)/installed
	OMP_NUM_THREADS=1 $(INTEROP)/bin/python benchmarks/neuron.py

$(CORE): pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/pip install --disable-pip-version-check --quiet -e .
	touch $(CORE)

$(STAMP): $(CORE)
	$(BIN)/pip install --disable-pip-version-check --quiet -e ".[dev]"
	touch $(STAMP)

# Installed as they stand, without what they ask for: that would replace the CPU torch by gigabytes of another, or pin
# versions that exclude each other. Torch is held at the version of .venv.
$(INTEROP)/installed: $(CORE) tests/interop/requirements.txt tests/interop/requirements-nodeps.txt
	test -x $(INTEROP)/bin/python || $(PYTHON) -m venv $(INTEROP)
	$(BIN)/pip freeze | grep -E '^(torch|numpy)==' > $(INTEROP)/constraints.txt
	$(INTEROP)/bin/pip install --disable-pip-version-check --quiet -c $(INTEROP)/constraints.txt -e . \
		-r tests/interop/requirements.txt
	$(INTEROP)/bin/pip install --disable-pip-version-check --quiet --no-deps -r tests/interop/requirements-nodeps.txt
	touch $(INTEROP)/installed

clean:
	rm -rf .venv $(INTEROP) build dist site runs
