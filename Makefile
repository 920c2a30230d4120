# Two commands to know: `make demo` and `make test`. Both set up what they need, in .venv.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
ACME := examples/ihacpa-acme
CODE := ihacpa_core plugins examples tests benchmarks docs/generate.py

SWEEP := .sweep

.PHONY: help demo test test-all sweep lint format bench clean

help:
	@echo "make demo      review the example workbook against the real index"
	@echo "make test      lint, types and tests (about 7 minutes)"
	@echo "make test-all  the slow tests as well"
	@echo "make sweep     every fault at every operation, for an hour or so; writes the table of docs/reliability.md"
	@echo "make bench     measure, side by side with peers"
	@echo "make clean     remove what these made"

demo: $(VENV)/.runtime
	@sh examples/demo.sh $(BIN)

test: lint $(VENV)/.wheelhouse
	$(BIN)/python -m pytest -n auto -m "not slow and not sweep"

test-all: lint $(VENV)/.wheelhouse
	$(BIN)/python -m pytest -n auto

sweep: $(VENV)/.development
	@rm -rf $(SWEEP)
	SWEEP_RESULTS=$(SWEEP) $(BIN)/python -m pytest -n auto -m sweep
	$(BIN)/python tests/faults/write_table.py $(SWEEP) docs/reliability.md

lint: $(VENV)/.development
	$(BIN)/ruff check $(CODE)
	$(BIN)/ruff format --check $(CODE)
	$(BIN)/mypy

format: $(VENV)/.development
	$(BIN)/ruff check --fix $(CODE)
	$(BIN)/ruff format $(CODE)

bench: $(VENV)/.development
	$(BIN)/python benchmarks/review.py
	$(BIN)/python benchmarks/framework.py

$(VENV)/.runtime: pyproject.toml
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --upgrade "pip>=25.1"
	@$(BIN)/python -m pip install --quiet --editable .
	@touch $@

$(VENV)/.development: $(VENV)/.runtime
	@$(BIN)/python -m pip install --quiet --group dev
	@touch $@

# What the tests of distributions install from, since the tests stay off the network: all but our own two wheels.
$(VENV)/.wheelhouse: $(VENV)/.development pyproject.toml $(ACME)/pyproject.toml
	@rm -rf $(VENV)/wheelhouse
	@$(BIN)/python -m pip wheel --quiet --no-build-isolation --wheel-dir $(VENV)/wheelhouse \
		. ./$(ACME) --group $(ACME)/pyproject.toml:test hatchling editables
	@$(BIN)/python -m pip download --quiet --no-deps --dest $(VENV)/oldest "pluggy==1.5.0"
	@rm $(VENV)/wheelhouse/ihacpa-*.whl $(VENV)/wheelhouse/ihacpa_acme-*.whl
	@touch $@

clean:
	rm -rf $(VENV) .demo .mypy_cache .pytest_cache .ruff_cache .hypothesis $(SWEEP) packages-reviewed.xlsx
