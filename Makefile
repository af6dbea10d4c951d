# Visavis: the few commands a person needs. `make help` lists them.
#
# Every target first brings the machine up to date: system packages, .venv, the engine, the bundle. Each step says
# what it does, leaves a stamp, and does nothing while the stamp is newer than what it was made from.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help

PYTHON ?= python3
# The engine's build: `release` is what is served and measured; `make PROFILE=dev …` builds faster, runs slower.
PROFILE ?= release

VENV := .venv
BIN := $(VENV)/bin
STAMPS := $(VENV)/.stamps
MODULES := client/node_modules/.stamp
BUNDLE := src/visavis/web/static/bundle/manifest.json

# A Rust, a Node and a Go that scripts/system-packages.sh had to bring along come first.
export PATH := $(CURDIR)/.tools/rust/bin:$(CURDIR)/.tools/node/bin:$(CURDIR)/.tools/go/bin:$(PATH)

CRATES := Cargo.toml Cargo.lock $(shell find crates -name '*.rs' -o -name '*.toml' 2>/dev/null)
CLIENT := $(shell find client -maxdepth 1 -type f 2>/dev/null) $(shell find client/src -type f 2>/dev/null)

say = @printf '\033[1m== %s\033[0m\n' "$(1)"

.PHONY: help
help: ## What can be done here
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

# ---------------------------------------------------------------------------------------------------------------------
# Commands

.PHONY: demo
demo: setup ## Play the day of the report, end to end; the report is in build/rehearsal/
	$(call say,rehearsing examples/december/scenario.toml)
	@$(BIN)/visavis rehearse examples/december/scenario.toml

# The product and its pages leave each other half of two cores; what is built meanwhile takes what is left. Calls carry
# sound and picture in real time: nothing runs beside them.
.PHONY: test
test: setup browser go ## Run every test: client, the product beside its pages in a browser, engine, real calls
	@scripts/stages.sh tests \
	  "client: npm test --prefix client" \
	  "builds &: nice -n 19 cargo test --workspace --locked --no-run; nice -n 19 scripts/livekit_server.sh" \
	  "product &: $(BIN)/python -m pytest -q -m 'not browser and not media'" \
	  "pages: $(BIN)/python -m pytest -q -m 'browser and not media'" \
	  "engine: cargo test --workspace --locked" \
	  "calls: $(BIN)/python -m pytest -q -m media"

.PHONY: check
check: setup ## Read the code without running it: style, types, layers, locks
	@scripts/stages.sh checks \
	  "ruff: $(BIN)/ruff check --quiet ." \
	  "format: $(BIN)/ruff format --check --quiet ." \
	  "types: $(BIN)/mypy" \
	  "layers: $(BIN)/lint-imports --no-cache" \
	  "stub: MYPYPATH=src $(BIN)/python -m mypy.stubtest visavis._sfu" \
	  "rustfmt: cargo fmt --all --check" \
	  "clippy: cargo clippy --workspace --all-targets --locked --quiet -- -D warnings" \
	  "tsc: npm run --prefix client --silent check" \
	  "locks: $(BIN)/python scripts/check_locks.py"

.PHONY: bench
bench: setup go ## Measure; each file in bench/ says its workload and prints its figures
	@for bench in bench/*.py; do printf '\033[1m== %s\033[0m\n' "$$bench"; $(BIN)/python "$$bench"; done

INPUTS ?= 1000000
SECONDS_EACH ?= 600
FUZZERS := data headers descriptions engine
.PHONY: fuzz
fuzz: setup $(STAMPS)/cargo-fuzz ## Fuzz what reads strangers' bytes: make fuzz INPUTS=10000000 SECONDS_EACH=3600; findings in build/fuzz/
	@$(BIN)/python -m tests.fuzz.run --inputs $(INPUTS)
	@cd crates/sfu && for target in $(FUZZERS); do \
	  mkdir -p $(CURDIR)/build/fuzz/$$target; \
	  $(CURDIR)/build/cargo-fuzz/bin/cargo-fuzz run --sanitizer none --target-dir $(CURDIR)/target/fuzz $$target \
	    $(CURDIR)/build/fuzz/$$target fuzz/seeds/$$target -- \
	    -max_total_time=$(SECONDS_EACH) -artifact_prefix=$(CURDIR)/build/fuzz/found-$$target-; \
	done

$(STAMPS)/cargo-fuzz: | system
	@cargo install cargo-fuzz --version 0.13.2 --locked --quiet --root build/cargo-fuzz
	@mkdir -p $(STAMPS) && touch $@

.PHONY: screenshots
screenshots: setup browser ## Draw the README's pictures again, from a played rehearsal
	$(call say,screenshots)
	@$(BIN)/python scripts/screenshots.py

.PHONY: fmt
fmt: setup ## Put the code in the house's shape
	@$(BIN)/ruff check --fix-only --quiet . ; $(BIN)/ruff format --quiet . ; cargo fmt --all

.PHONY: wheel
wheel: setup ## Build the wheel into dist/
	@$(BIN)/maturin build --release --locked --out dist

# ---------------------------------------------------------------------------------------------------------------------
# Set-up

.PHONY: setup
setup: $(STAMPS)/engine-$(PROFILE) $(BUNDLE) ## Install and build whatever is missing

.PHONY: system
system:
	@PYTHON=$(PYTHON) scripts/system-packages.sh

# Only tests and pictures need a browser of their own.
.PHONY: browser
browser: system
	@PYTHON=$(PYTHON) scripts/system-packages.sh browser

# Only tests and the bench build others' tools (tests/interop, bench/engines).
.PHONY: go
go: system
	@PYTHON=$(PYTHON) scripts/system-packages.sh go

$(STAMPS)/python: requirements.lock | system
	$(call say,.venv: Python libraries from requirements.lock)
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/pip install --disable-pip-version-check --progress-bar off --require-hashes -r requirements.lock | awk ' \
	  /^Collecting/ && ++n % 20 == 0 { print "   " n " libraries"; fflush() } \
	  /^Installing/ { print "   installing " n; fflush() }'
	@mkdir -p $(STAMPS) && touch $@

$(STAMPS)/engine-$(PROFILE): $(STAMPS)/python $(CRATES) pyproject.toml
	$(call say,engine: maturin develop ($(PROFILE) profile; minutes the first time))
	@$(BIN)/maturin develop --uv --locked --profile $(PROFILE)
	@rm -f $(STAMPS)/engine-* && touch $@

$(MODULES): client/package.json client/package-lock.json | system
	$(call say,client: libraries from package-lock.json)
	@cd client && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
	@touch $@

$(BUNDLE): $(MODULES) $(CLIENT)
	$(call say,client: the bundle)
	@cd client && node build.mjs
	@test -s $@ && touch $@

# A build never writes a lock: run this after a change of dependencies.
COMPILE := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header \
  --no-annotate --no-emit-index-url --no-emit-find-links

.PHONY: lock
lock: ## Resolve pyproject.toml's dependencies into the locks again
	@$(COMPILE) --all-extras --group dev pyproject.toml -o requirements.lock
	@$(COMPILE) --group tools -o scripts/tools.lock
	@$(BIN)/python scripts/check_locks.py

.PHONY: clean
clean: ## Remove what was built (not .venv, not libraries)
	@rm -rf build dist src/visavis/web/static/bundle .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
