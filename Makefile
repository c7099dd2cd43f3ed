# Everything a contributor does, by name. Each target does its own set-up, once, in .venv. Only the tests want system
# packages (the emulated microcontroller and its compiler, hledger): they are installed where this user may, and else told.
.DEFAULT_GOAL := help
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DELETE_ON_ERROR:

VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip -qq --disable-pip-version-check
# Bytecode is made on first import instead: it halves the set-up.
INSTALL := $(PIP) install --no-compile --require-hashes -r
JOBS ?= 2
# Arguments for pytest or for the demo's `stope run`.
ARGS ?=

# One thread per process: faster for small matrices, and the same sums in the same order on every machine.
export OPENBLAS_NUM_THREADS ?= 1
export OMP_NUM_THREADS ?= 1
export MKL_NUM_THREADS ?= 1

.PHONY: help demo test lint bench docs lock clean

help: ## list these targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-7s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: $(VENV)/run.stamp $(VENV)/compiled.stamp ## run the mission bennu_core: log, picture and film in runs/
	@out=runs/demo; n=2; while [ -e "$$out" ]; do out=runs/demo-$$n; n=$$((n + 1)); done; \
	$(BIN)/stope run bennu_core --out "$$out" $(ARGS)

# pytest-xdist starts another worker for one that crashed and then, with loadgroup, waits for it for ever.
test: $(VENV)/test.stamp $(VENV)/emulator.stamp $(VENV)/hledger.stamp $(VENV)/compiled.stamp ## run the tests
	@mkdir -p runs
	@$(BIN)/python -m pytest -n $(JOBS) --dist loadgroup --max-worker-restart=0 --junitxml runs/tests.xml $(ARGS)

lint: $(VENV)/test.stamp ## ruff, mypy --strict, import layers
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-logo

bench: $(VENV)/test.stamp $(VENV)/compiled.stamp ## measure every figure that the docs state
	@for figure in benchmarks/*.py; do echo "== $$figure"; $(BIN)/python "$$figure"; done

docs: $(VENV)/docs.stamp ## build the documentation into site/
	@NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet
	@echo "site/index.html"

lock: ## resolve the requirements anew (needs uv; UPGRADE=1 takes newer versions)
	@command -v uv >/dev/null || { echo "make lock needs uv: pip install uv" >&2; exit 1; }
	@compile() { uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header \
		--no-emit-index-url --no-emit-find-links $(if $(UPGRADE),--upgrade) pyproject.toml requirements/build.in "$$@"; }; \
	compile --extra sim --extra test --extra lint -o requirements/test.txt; \
	compile --extra sim -c requirements/test.txt -o requirements/run.txt; \
	compile --extra sim --extra docs -c requirements/test.txt -o requirements/docs.txt

clean: ## remove .venv, site/ and caches; runs/ stays
	@rm -rf $(VENV) site dist build .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	@find src tests benchmarks -name __pycache__ -type d -prune -exec rm -rf {} +

# --- set-up -----------------------------------------------------------------------------------------------------

# python3.11 if there is one that runs, else uv, which brings its own; PyBullet has no wheels for later Pythons.
$(BIN)/python:
	@if python3.11 -c 'import venv, ensurepip' 2>/dev/null; then python3.11 -m venv $(VENV); \
	elif command -v uv >/dev/null; then uv venv --quiet --seed --python 3.11 $(VENV); \
	else echo "Stope's simulator needs Python 3.11: install python3.11 with its venv module, or uv, and run make again." >&2; \
	exit 1; fi

# Numba keeps what it compiled by the file of a function, whatever has become of the functions that it calls.
$(VENV)/compiled.stamp: $(shell grep -rlE --include='*.py' 'import .*(njit|vectorize)' src) | $(BIN)/python
	@find src -name '*.nb[ic]' -delete
	@touch $@

EMULATOR := gcc libc6-dev make cppcheck clang clang-tidy libclang-rt-dev qemu-system-arm gcc-arm-none-eabi libnewlib-arm-none-eabi

$(VENV)/emulator.stamp: | $(BIN)/python
	$(call packages,FIRMWARE NOT EMULATED,gcc cppcheck clang clang-tidy qemu-system-arm arm-none-eabi-gcc,$(EMULATOR))

$(VENV)/hledger.stamp: | $(BIN)/python
	$(call packages,LEDGER NOT ADDED UP BY HLEDGER,hledger,hledger)

# Debian packages where this user may install them, else a sentence: what is not tested then, the programs, the packages.
define packages
@missing=; for tool in $(2); do command -v $$tool >/dev/null || missing="$$missing $$tool"; done; \
	if [ -z "$$missing" ]; then touch $@; \
	elif ! command -v apt-get >/dev/null || { [ "$$(id -u)" != 0 ] && ! sudo -n true 2>/dev/null; }; then \
	echo "$(1):$$missing missing, its tests are skipped; install $(3)" >&2; \
	else echo "installing $(3) (once)"; \
	as=; [ "$$(id -u)" = 0 ] || as="sudo -n"; \
	$$as apt-get -qq update && DEBIAN_FRONTEND=noninteractive $$as apt-get -qq install -y --no-install-recommends \
	$(3) >/dev/null && touch $@ || echo "$(1): apt-get could not install $(3)" >&2; fi
endef

$(VENV)/%.stamp: requirements/%.txt pyproject.toml | $(BIN)/python
	@echo "setting up $(VENV) from $< (once; a minute or two)"
	@$(INSTALL) $<
	@$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@
