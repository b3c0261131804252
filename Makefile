# Everything a developer or a first user does. Needs Python 3.11+ and make; `make` alone lists the targets.

VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
UDB_HOME ?= .udb
SAMPLES := $(UDB_HOME)/samples
PORT ?= 3000
# One more than there are cores: many tests wait for a server, a daemon or a browser.
WORKERS ?= $(shell expr $$(getconf _NPROCESSORS_ONLN) + 1)
SECONDS ?= 300
ROUNDS ?= 1000
SEED ?= 1
CATALOG ?= sqlite

export UDB_HOME

.DEFAULT_GOAL := help
.PHONY: help install demo dev test test-long lint types format lock docs bench bench-connectors bench-detect bench-profile bench-durability soak crowd fuzz corpora azurite clean

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

install: $(STAMP) ## Make or bring up to date the virtual environment

$(STAMP): requirements-dev.lock pyproject.toml
	@sh scripts/bootstrap.sh $(VENV)

demo: $(STAMP) ## Run the main job on the sample shop: load, profile, report
	@$(BIN)/python -m udb_pipelines.samples $(SAMPLES)
	@UDB_LOG_FORMAT=$${UDB_LOG_FORMAT:-text} $(BIN)/udb run --max-reject-pct 1 $(SAMPLES)/*.*
	@echo
	@echo "Look at it in the UI:  make dev   then open http://127.0.0.1:$(PORT)"

dev: $(STAMP) ## Start the Dagster UI and daemon on http://127.0.0.1:3000
	@$(BIN)/udb ui --port $(PORT)

test: $(STAMP) ## Run the tests
	@$(BIN)/pytest -n $(WORKERS) -m "not slow"

test-long: $(STAMP) ## Run every test, the slow ones too
	@$(BIN)/pytest -n $(WORKERS)

lint: $(STAMP) ## Check style and formatting
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .

types: $(STAMP) ## Check types
	@$(BIN)/mypy

format: $(STAMP) ## Format the code and mend what can be mended
	@$(BIN)/ruff check --fix --quiet . || true
	@$(BIN)/ruff format .

lock: ## Resolve the dependencies anew into the two lock files
	@test -x $(BIN)/uv || sh scripts/bootstrap.sh $(VENV)
	@$(BIN)/uv pip compile $(LOCK_OPTIONS) pyproject.toml --all-extras -o requirements.lock
	@$(BIN)/uv pip compile $(LOCK_OPTIONS) pyproject.toml --group dev -o requirements-dev.lock

LOCK_OPTIONS := --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header

docs: $(STAMP) ## Write the reference pages and the README's tables from the code
	@$(BIN)/python -m scripts.reference

bench: $(STAMP) ## Measure what benchmarks/ promises and save benchmarks/RESULTS.md
	@$(BIN)/python -m benchmarks

bench-detect: $(STAMP) ## Measure detection and loading against other readers and save benchmarks/RESULTS-detect.md
	@$(BIN)/python -m benchmarks.detect

bench-connectors: $(STAMP) ## Measure connectors against DuckDB alone and save benchmarks/RESULTS-connectors.md
	@$(BIN)/python -m benchmarks.connectors

bench-profile: $(STAMP) ## Measure the profiler against its peers and save benchmarks/RESULTS-profile.md (FULL=1: to 10 GB)
	@$(BIN)/python -m benchmarks.profile $(if $(FULL),--full)

bench-durability: $(STAMP) ## Measure commits, readers and restores and save benchmarks/RESULTS-durability.md (QUICK=1: less)
	@$(BIN)/python -m benchmarks.durability $(if $(QUICK),--quick)

soak: $(STAMP) ## Kill random operations on a warehouse again and again (ROUNDS=1000 SEED=1 CATALOG=sqlite|postgres)
	@$(BIN)/python -m udb_pipelines_tests.warehouse.proof.soak --rounds $(ROUNDS) --seed $(SEED) --catalog $(CATALOG)

crowd: $(STAMP) ## Let 8 writers and 16 readers loose on a warehouse (SECONDS=300 SEED=1 CATALOG=sqlite|postgres)
	@$(BIN)/python -m udb_pipelines_tests.warehouse.proof.crowd --seconds $(SECONDS) --seed $(SEED) --catalog $(CATALOG)

fuzz: $(STAMP) ## Read damaged public files for minutes (SECONDS=300): no crash, no hang
	@$(BIN)/python -m udb_pipelines_tests.detection.fuzz $(SECONDS)

corpora: $(STAMP) ## Take every public test file through the stages and print what became of it
	@$(BIN)/python -m benchmarks.corpora

azurite: $(STAMP) ## Install Microsoft's emulator of Azure's store (npm), which the tests of az:// ask for
	@npm install --silent --no-fund --no-audit --prefix $(VENV)/azurite azurite@3.35.0

clean: ## Remove the environment and caches; your data in .udb stays
	@rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache .hypothesis build dist
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
