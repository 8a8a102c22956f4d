# OnRecord: `make demo` shows it at work, `make test` proves it. Each verb sets up whatever it needs first.
SHELL := /bin/bash
.DEFAULT_GOAL := help
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# Live calls take real time and little of the processor: more workers than cores halve the wait.
WORKERS ?= 3

.PHONY: help setup lab demo test quick lint format bench conformance voices clean

help: ## what each verb does
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

# The stamp's name holds a hash of what is to be installed, so that a second run has nothing to do.
STAMP := $(VENV)/.installed-$(shell cat pyproject.toml | cksum | cut -d' ' -f1)

$(STAMP):
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "OnRecord needs Python 3.11 or later; '$(PYTHON)' is $$($(PYTHON) -V). Set PYTHON=…" >&2; exit 1; }
	@if command -v uv >/dev/null; then \
	  echo "Installing Python packages into $(VENV) with uv …"; \
	  { [ -x $(BIN)/python ] || uv venv -q --python $(PYTHON) $(VENV); } && \
	  uv pip install -q --python $(BIN)/python -e '.[lab,desk]' --group dev; \
	else \
	  echo "Installing Python packages into $(VENV) with pip (a minute or two) …"; \
	  { [ -x $(BIN)/pip ] || $(PYTHON) -m venv $(VENV) || \
	    { echo "python3-venv is missing: sudo apt-get install python3-venv" >&2; exit 1; }; } && \
	  $(BIN)/pip install -q --upgrade 'pip>=25.1' && $(BIN)/pip install -q -e '.[lab,desk]' --group dev; \
	fi
	@rm -f $(VENV)/.installed-*; touch $@

setup: $(STAMP) lab ## environment, private Asterisk and phones

lab: $(STAMP)
	@$(BIN)/python -m controller.lab setup

demo: setup ## real calls through a real Asterisk, recorded by policy
	@$(BIN)/onrecord demo

test: setup ## the whole suite, live calls included
	$(BIN)/pytest -n $(WORKERS) --dist loadfile -q $(ARGS)

quick: $(STAMP) ## the suite without live calls
	$(BIN)/pytest -n $(WORKERS) --dist loadfile -q --ignore=tests/live $(ARGS)

lint: $(STAMP) ## style, types, layers
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python tests/licences.py

format: $(STAMP)
	$(BIN)/ruff check --fix -q . ; $(BIN)/ruff format -q .

bench: setup ## ratios, measured side by side in one run: build/benchmarks.json
	@if command -v uv >/dev/null; then uv pip install -q --python $(BIN)/python --group bench; \
	  else $(BIN)/python -m pip install -q --group bench; fi
	@PYTHONPATH=. $(BIN)/python benchmarks/everything.py $(ARGS)

conformance: setup ## docs/conformance.md: which requirement is proven by which test
	$(BIN)/pytest -n $(WORKERS) --dist loadfile -q --conformance $(ARGS)

voices: $(STAMP) ## what speaks and hears the prompts, to make them anew (240 MB)
	@PYTHON=$(BIN)/python packaging/prompt-voices.sh .voices

clean: ## forget the environment (the private Asterisk in .lab stays)
	rm -rf $(VENV) build .pytest_cache .mypy_cache .ruff_cache
