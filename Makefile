# Two commands: `make run` starts a server that a phone can use at once, `make test` runs every test.
PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
COMPILED ?= .venv-compiled
COMPILED_TESTS := tests/unit/stack tests/unit/transport tests/unit/sip tests/integration
BENCH    := .venv-bench
SOURCES := $(shell find src -name '*.py')
# Twice as many as there are processors: most tests wait for a phone, a timer or another process.
WORKERS ?= $(shell $(PYTHON) -c 'import os; print(2 * (os.cpu_count() or 1))')
# For the tests with foreign programs, which run after the others: these take more of the processors.
E2E_WORKERS ?= $(shell $(PYTHON) -c 'import os; n = os.cpu_count() or 1; print(n + (n + 1) // 2)')
ARGS   ?=

.PHONY: help run test unit long coverage compiled test-compiled lint format bench bench-compiled bench-peers soak fuzz effects docs clean
.DEFAULT_GOAL := help

help: ## Show this list
	@awk -F':.*## ' '/^[a-z0-9-]+:.*## /{printf "  make %-15s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(VENV)/.installed: pyproject.toml src/asterism/version.py
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Asterism needs Python 3.11 or newer; say PYTHON=/path/to/python3.11" >&2; exit 1; }
	@echo "Installing into $(VENV): the first time this takes up to a minute ..."
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/pip install --quiet --disable-pip-version-check --editable .
	@touch $@

$(VENV)/.installed-dev: $(VENV)/.installed
	$(BIN)/pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $@

run: $(VENV)/.installed ## Start a demo server in the foreground (configuration in ./demo; ARGS="--help" shows options)
	@$(BIN)/asterism demo $(ARGS)

test: $(VENV)/.installed-dev ## Install what the tests need and run them
	@PYTHON=$(BIN)/python tests/install-peers
	$(BIN)/python -m tests.run -n $(WORKERS) --e2e-workers=$(E2E_WORKERS) --dist worksteal $(ARGS)

unit: $(VENV)/.installed-dev ## Run the tests that need no foreign program
	$(BIN)/python -m tests.run -n $(WORKERS) --dist worksteal -m "not e2e and not long" $(ARGS)

long: $(VENV)/.installed-dev ## Run what make test leaves out: more of the same matrices
	@PYTHON=$(BIN)/python tests/install-peers
	$(BIN)/python -m tests.run -n $(WORKERS) --dist worksteal -m long $(ARGS)

coverage: $(VENV)/.installed-dev ## The tests of make unit, and which lines they did not reach (three times as slow)
	$(BIN)/pytest -n $(WORKERS) --dist worksteal -m "not e2e" --cov --cov-report=term:skip-covered --cov-report=html:.coverage-html $(ARGS)

# A wheel with compiled modules (docs/development/compiled.md), not editable: it is built again when a source has changed.
$(COMPILED)/.installed-dev: pyproject.toml hatch_build.py $(SOURCES)
	$(PYTHON) -m venv $(COMPILED)
	rm -rf $(COMPILED)/wheel
	ASTERISM_COMPILE=1 $(COMPILED)/bin/pip wheel --quiet --disable-pip-version-check --no-deps --wheel-dir $(COMPILED)/wheel .
	$(COMPILED)/bin/pip install --quiet --disable-pip-version-check "$$(echo $(COMPILED)/wheel/*.whl)[dev]"
	$(COMPILED)/bin/pip install --quiet --disable-pip-version-check --force-reinstall --no-deps $(COMPILED)/wheel/*.whl
	@touch $@

compiled: $(COMPILED)/.installed-dev ## Build and install with the hot modules compiled, into .venv-compiled

test-compiled: ## Tests of what is compiled, and the integration tests, on the compiled build
	@PYTHON=$(PYTHON) tests/install-compiler
	@$(MAKE) --no-print-directory compiled
	$(COMPILED)/bin/python -m tests.run -n $(WORKERS) --dist worksteal --no-cov -m "not e2e and not long and not pure" $(COMPILED_TESTS) $(ARGS)

lint: $(VENV)/.installed-dev ## ruff, mypy --strict, import contracts
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/mypy --config-file tests/mypy.ini
	$(BIN)/lint-imports

format: $(VENV)/.installed-dev ## Format and fix what can be fixed
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: ## CPU per operation, beside the peers that are installed (BENCH_PYTHON chooses the Python)
	@$(MAKE) --no-print-directory $(BENCH)/.installed-dev VENV=$(BENCH) PYTHON="$$(bench/python)"
	$(BENCH)/bin/python -m bench $(ARGS)

bench-peers: $(VENV)/.installed-dev ## Install Kamailio and Asterisk (into a cache folder) to compare with
	$(BIN)/python -m bench.peers

bench-compiled: ## make bench, of the compiled build
	@PYTHON="$$(bench/python)" tests/install-compiler
	@$(MAKE) --no-print-directory compiled COMPILED=$(BENCH)-compiled PYTHON="$$(bench/python)"
	$(BENCH)-compiled/bin/python -m bench $(ARGS)

soak: $(VENV)/.installed-dev ## Ten minutes of valid and broken traffic: no exception, no leak
	$(BIN)/python -m bench.soak $(ARGS)

effects: $(VENV)/.installed-dev ## Which test shows the effect of each option (ARGS="--all" looks again)
	$(BIN)/python -m tests.option_effects $(ARGS)

fuzz: $(VENV)/.installed-dev ## Fuzz messages, calls, manager, files, expressions for a minute (ARGS="--seconds 600 message sdp")
	$(if $(findstring --atheris,$(ARGS)),$(BIN)/pip install --quiet --disable-pip-version-check --editable '.[fuzz]')
	$(BIN)/python tests/fuzz/fuzz.py $(ARGS)

docs: $(VENV)/.installed-dev ## Write the reference made from the code: docs/reference, docs/_build
	$(BIN)/python docs/generate.py
	$(BIN)/python docs/generate_registries.py

clean: ## Remove what the targets above made, except ./demo
	rm -rf $(VENV) $(COMPILED) $(BENCH) $(BENCH)-compiled .pytest_cache .mypy_cache .ruff_cache .hypothesis .cache .coverage* docs/_build
