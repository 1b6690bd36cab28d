# Everything runs from a virtual environment of its own in .venv, made on first use with
# nothing but python3 (3.11 or later), make and a package registry.

VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --quiet --quiet --disable-pip-version-check --no-input
# Tests wait for servers, deadlines and peers: side by side they take half the time. Those
# of one file stay together, because many share what they start. In the order of their
# names, in which the long ones come early: by the number of their tests the chapters of
# the benchmarks, six tests of a minute and a half, would come last and run alone.
PARALLEL := --numprocesses auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder
# What the two checkers and the formatter look at, as far as it is there.
TREES := $(wildcard magic cli plugins tests benchmarks examples)

.DEFAULT_GOAL := help
.PHONY: help demo test check format bench soak captures environment clean

help: ## list what can be made
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: $(VENV)/.demo ## see a client's address arrive behind TLS passthrough
	@$(BIN)/magic demo

test: $(VENV)/.dev ## run every test; the core must be covered whole
	@$(BIN)/python -m pytest $(PARALLEL) --cov --cov-report=term $(PYTEST_ARGS)

check: $(VENV)/.dev ## format, lint and types
	@$(BIN)/ruff format --diff --quiet $(TREES)
	@$(BIN)/ruff check --quiet $(TREES)
	@$(BIN)/mypy --no-error-summary $(TREES)
	@$(BIN)/pyright --pythonpath $(BIN)/python $(TREES)

format: $(VENV)/.dev ## mend what ruff can mend
	@$(BIN)/ruff check --quiet --fix-only $(TREES)
	@$(BIN)/ruff format --quiet $(TREES)

bench: $(VENV)/.bench ## measure side by side with peers
	@$(BIN)/python -m benchmarks $(BENCH_ARGS)

soak: $(VENV)/.dev ## 10 000 connections to every server, and a crowd that says nothing
	@$(BIN)/python -m tests.soak $(SOAK_ARGS)

captures: $(VENV)/.dev ## make the files of captures/ again, real traffic too; needs root
	@$(BIN)/python -m tests.captures.generate $(CAPTURES_ARGS)

environment: $(VENV)/.dev ## make .venv and nothing else

clean: ## remove the virtual environment and every cache
	@rm -rf $(VENV) dist build htmlcov .coverage .hypothesis .mypy_cache .pytest_cache .ruff_cache

# One chain, so that `make -j` never runs pip twice at a time in one environment.

$(VENV)/.python:
	@python= fresh=; \
	for name in $(or $(PYTHON),python3 python3.14 python3.13 python3.12 python3.11); do \
		if "$$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; \
		then python=$$name; break; fi; \
	done; \
	if [ -z "$$python" ]; then \
		echo "make: $(or $(PYTHON),python3) is missing or older than 3.11;" \
			"name another: make PYTHON=..." >&2; \
		exit 69; \
	fi; \
	[ -e $(VENV) ] || fresh=yes; \
	if ! said=$$("$$python" -m venv $(VENV) 2>&1); then \
		[ -z "$$fresh" ] || rm -rf $(VENV); \
		echo "make: $$python cannot make a virtual environment;" \
			"Debian and Ubuntu have what is missing in python3-venv:" >&2; \
		echo "$$said" >&2; \
		exit 69; \
	fi
	@touch $@

$(VENV)/.demo: pyproject.toml | $(VENV)/.python
	@echo "make: filling $(VENV) with what the demo needs, once" >&2
	@$(PIP) install --editable '.[demo]'
	@touch $@

$(VENV)/.bench: pyproject.toml $(VENV)/.demo
	@echo "make: filling $(VENV) with the peers to measure beside, once" >&2
	@$(PIP) install --editable '.[bench]'
	@touch $@

$(VENV)/.dev: pyproject.toml $(VENV)/.bench
	@echo "make: filling $(VENV) with what tests and checks need, once" >&2
	@$(PIP) install --editable '.[dev]'
	@touch $@
