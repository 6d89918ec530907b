# `make` alone says what there is. Needs Python 3.11 or newer, make and git; everything else is fetched into .venv.
PYTHON ?= python3
BIN := .venv/bin
ENGINE ?= podman
WORKERS := -n auto --maxprocesses 8 --dist loadgroup
RUNTIME := pyproject.toml --extra postgresql --extra mysql --extra demo
ALL := $(RUNTIME) --extra mssql --extra duckdb --extra notify
LOCK := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header \
	--no-emit-index-url --no-emit-find-links

define tests_with
$(BIN)/uv venv --quiet --clear --python $(PYTHON) .venv/$@
$(BIN)/uv pip compile --quiet --python .venv/$@ --resolution $(1) $(ALL) --output-file .venv/$@/versions.txt
$(BIN)/uv pip install --quiet --python .venv/$@ --requirement .venv/$@/versions.txt --group test --editable .
.venv/$@/bin/python -m pytest $(WORKERS)
endef

unexport PYTHONDONTWRITEBYTECODE  # else each process of the tests compiles all of them again, for 5 seconds
.DEFAULT_GOAL := help
.PHONY: help setup check test cover lowest newest torture year bench fix demo lock calendar figures pictures contract messages english share image green build clean

help:  ## what can be made
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: .venv/installed  ## put everything needed into .venv; instant when nothing changed

check: setup  ## format, lint, types, dead code, layers, spelling, English
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/mypy
	$(BIN)/vulture
	$(BIN)/codespell
	$(BIN)/lint-imports
	$(BIN)/python scripts/english.py

test: setup  ## run the tests; the end says which database engines were exercised
	$(BIN)/pytest $(WORKERS)

cover: setup  ## run the tests and show which lines and branches none of them reach
	$(BIN)/coverage erase
	$(BIN)/coverage run -m pytest $(WORKERS)
	$(BIN)/coverage combine --quiet
	rm -f .coverage.*  # half written: commands that tests ended in the middle of everything
	$(BIN)/coverage report

lowest: setup  ## run the tests with the oldest versions that pyproject.toml allows
	$(call tests_with,lowest-direct)

newest: setup  ## run the tests with the newest versions there are; on another Python: make newest PYTHON=python3.14
	$(call tests_with,highest)

torture: setup  ## fail at every step of a run, answer in every wrong way; prints counts, takes minutes
	$(BIN)/python -m tests.torture

year: setup  ## a school year in minutes: corrections, faults, kills; prints days lost
	$(BIN)/python -m tests.torture.year

bench: setup benchmarks/.venv/installed  ## compare attsync with a floor and with rivals; some rows: make bench ROWS=one
	$(BIN)/python -m benchmarks --rows $(or $(ROWS),all) $(BENCH)

fix: setup  ## format the code and fix what ruff can fix
	$(BIN)/ruff format
	$(BIN)/ruff check --fix

demo: setup  ## the main job once: a made-up school, a pretend DfE, consent, send, corrections, send, status
	$(BIN)/attsync demo

lock: .venv/pinned  ## pin again after a change of pyproject.toml; newest versions of all: make lock NEW=--upgrade
	$(LOCK) $(ALL) $(NEW) --group dev --output-file requirements/dev.txt
	$(LOCK) $(RUNTIME) --constraint requirements/dev.txt --output-file requirements/runtime.txt
	$(LOCK) pyproject.toml --extra mssql --constraint requirements/dev.txt --output-file requirements/mssql.txt
	$(LOCK) pyproject.toml --extra duckdb --constraint requirements/dev.txt --output-file requirements/duckdb.txt
	$(LOCK) pyproject.toml --extra notify --constraint requirements/dev.txt --output-file requirements/notify.txt

calendar: setup  ## write the table of bank holidays again, from the library holidays
	$(BIN)/python scripts/bank_holidays.py > src/attsync/data/bank_holidays.csv

figures: setup  ## write docs/figures.md: sizes, complexity, coverage, beside other codebases; runs the tests
	$(BIN)/coverage erase
	$(BIN)/python scripts/figures.py > figures.new
	mv figures.new docs/figures.md

contract: setup  ## write the contract in the package from the models
	$(BIN)/python scripts/contract.py > contract.new
	mv contract.new src/attsync/data/openapi.json

english: setup  ## find words that this project does not use; to be a part of check
	$(BIN)/python scripts/english.py

messages: setup  ## write docs/messages.md from the problems in the package
	$(BIN)/python scripts/messages.py

share: setup  ## write the man page and the completions that the wheel brings
	$(BIN)/python scripts/share.py

green:  ## everything that must pass before a change lands, as CI runs it
	bash .ci/run

pictures: setup  ## draw the pictures of the README again
	$(BIN)/python scripts/pictures.py

image:  ## build the container image and run its demo; with another program than podman: make image ENGINE=docker
	$(ENGINE) build --tag attsync --file Containerfile $(BUILD) .
	$(ENGINE) run --rm --network none --read-only --tmpfs /tmp $(RUN) attsync demo

build: setup  ## wheel and source archive, into dist/
	rm -rf dist
	$(BIN)/python -m build --no-isolation

clean:  ## remove everything that make has made
	rm -rf .venv dist build htmlcov .coverage* .hypothesis .*_cache
	find src tests -name __pycache__ -prune -exec rm -rf {} +

benchmarks/.venv/installed: benchmarks/requirements.txt
	$(BIN)/uv venv --quiet --clear --python $(BIN)/python benchmarks/.venv
	$(BIN)/uv pip install --quiet --compile-bytecode --python benchmarks/.venv --require-hashes --requirement $<
	@touch $@

.venv/installed: .venv/pinned pyproject.toml
	@$(BIN)/python -m pip install -qq --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

.venv/pinned: requirements/dev.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo 'attsync needs Python 3.11 or newer, and $(PYTHON) is older or missing. Name another: make setup PYTHON=python3.12'; exit 1; } >&2
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
	  echo '$(PYTHON) cannot make virtual environments. On Debian and Ubuntu: apt-get install python3-venv'; exit 1; } >&2
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@echo 'Fetching what attsync needs into .venv: about a minute, once'
	@$(BIN)/python -m pip install -qq --disable-pip-version-check --require-hashes --requirement $<
	@touch $@
