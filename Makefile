# Everything happens in .venv, which is made from the package index alone.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PYTEST := $(BIN)/python -m pytest

.PHONY: demo test test-all formal boards lint clean

demo: $(VENV)/.demo
	$(BIN)/hubel demo

test: $(VENV)/.test
	$(PYTEST) -q -n 2 --dist loadfile -m "not long"

test-all: $(VENV)/.test
	$(PYTEST) -q -n 2 --dist loadfile

formal: $(VENV)/.test
	$(PYTEST) -q tests/hdl/test_*formal.py

boards: $(VENV)/.demo
	test -f build/demo/program.npz || $(BIN)/hubel demo --images 1
	$(BIN)/hubel build build/demo/program.npz --board all
	$(BIN)/hubel boards

lint: $(VENV)/.test
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/pyright

clean:
	rm -rf build $(VENV)

$(VENV)/.tools:
	@for tool in $(PYTHON) g++ perl; do \
	  command -v $$tool > /dev/null || { \
	    echo "$$tool not found: sudo apt-get install $$tool" | sed 's/python3$$/python3-venv/'; \
	    exit 2; }; \
	done
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "$(PYTHON) is older than 3.11: make PYTHON=/path/to/python3.11"; exit 2; }
	@$(PYTHON) -m venv $(VENV) || { \
	  echo "python3-venv not found: sudo apt-get install python3-venv"; exit 2; }
	$(BIN)/python -m pip install -q 'pip>=25.1'
	@touch $@

$(VENV)/.demo: $(VENV)/.tools pyproject.toml
	$(BIN)/python -m pip install -q -e '.[all]'
	@touch $@

$(VENV)/.test: $(VENV)/.demo pyproject.toml
	$(BIN)/python -m pip install -q --group dev
	@touch $@
