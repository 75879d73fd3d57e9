# Python 3.11+, make and git are all that is needed.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
BIN = .venv/bin

# Tests start hundreds of processes and rewrite every assert: both are compiled once, not each time.
unexport PYTHONDONTWRITEBYTECODE
QUICK = -m "not slow"
SLOW = -m slow --timeout 7200 --hypothesis-profile new

.PHONY: help demo test test-slow the-hour the-rest lint compiled up bench bench-write lock

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 12

demo: ## a file, a push key for twenty apps and a message through every part, in under 90 s
	@$(PYTHON) tools/environment.py requirements.lock
	@$(BIN)/bulkhead demo

test: ## check style and types, then run every test
	@$(MAKE) --no-print-directory --jobs=2 lint compiled
	$(BIN)/python -m pytest -n 3 --dist worksteal $(QUICK)

test-slow: lint ## soak, chaos, an hour of simulation (SIMULATION_SECONDS) and every mutant
	@$(MAKE) --no-print-directory --jobs=2 --keep-going the-hour the-rest

the-hour: # of test-slow, beside all the rest of it
	$(BIN)/python -m pytest $(SLOW) tests/simulation/test_simulation.py

the-rest:
	$(BIN)/python -m pytest $(SLOW) --ignore tests/simulation/test_simulation.py

compiled: # so that three processes do not all compile the tests, and what they start
	@$(PYTHON) tools/environment.py requirements.lock requirements-dev.lock
	-@$(BIN)/python -m pytest --collect-only -qq $(QUICK) > /dev/null

lint: ## style and types
	@$(PYTHON) tools/environment.py requirements.lock requirements-dev.lock
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

up: ## everything in one terminal, against the sandbox
	@$(PYTHON) tools/environment.py requirements.lock
	@$(BIN)/bulkhead up --sandbox

bench: ## every bar of the engine, measured; rivals in the same run
	@$(PYTHON) tools/environment.py requirements.lock requirements-dev.lock
	$(BIN)/python -m benchmarks

bench-write: ## the same, and the figures into docs/benchmarks/ and the README
	@$(PYTHON) tools/environment.py requirements.lock requirements-dev.lock
	$(BIN)/python -m benchmarks --write

lock: ## resolve again: versions and hashes, no addresses
	@$(PYTHON) tools/environment.py requirements.lock requirements-dev.lock
	$(BIN)/python tools/lock.py
