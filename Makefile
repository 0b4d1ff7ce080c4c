# Doorbus. `make demo` shows it, `make test` proves it; `make help` lists the rest.
SHELL := /bin/bash
PYTHON ?= python3.11
BIN := .venv/bin
UV := .tools/bin/uv
MEMBERS := libs/doorbus libs/testkit cli $(wildcard services/*)
STAMP := .venv/.ready
# Tests start programs all the time, and without cached bytecode a start takes twice the processor's time.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help demo test test-hardware lint format features bench screenshots lock system-deps check-system-deps \
	system-deps-hardware check-system-deps-hardware docs clean clean-hardware

help: ## lists these targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  make \1\t\2/' | expand -t 22

$(UV):
	@command -v $(PYTHON) >/dev/null || { echo "Doorbus needs $(PYTHON): apt install python3 python3-venv, or make PYTHON=..."; exit 1; }
	@$(PYTHON) -m venv .tools || { echo "python3-venv is missing: apt install python3-venv"; exit 1; }
	@.tools/bin/pip install --quiet uv==0.13.9

# The environment: the locked packages by hash, then our own distributions without looking further.
$(STAMP): $(UV) requirements/dev.txt $(addsuffix /pyproject.toml,$(MEMBERS))
	@echo "setting up .venv (once)"
	@test -x $(BIN)/python || $(UV) venv --quiet --python $(PYTHON) .venv
	@$(UV) pip install --quiet --python $(BIN)/python --require-hashes -r requirements/dev.txt
	@$(UV) pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation $(addprefix -e ,$(MEMBERS))
	@touch $@

demo: $(STAMP) ## boots a door, a bus and a phone, and shows the main job on real SIP traffic
	@$(BIN)/python -m doorbus_testkit.demo

# Three processes: most tests wait for something. A file stays together, as its tests share one door.
test: $(STAMP) check-system-deps ## the whole suite
	@$(BIN)/python -m pytest -n 3 --dist loadfile

# The suite of tests/hardware inside a virtual machine; says what is missing where it cannot be had.
test-hardware: $(STAMP) check-system-deps-hardware ## io against a real kernel's GPIO chips, in a virtual machine
	@$(BIN)/python -m tools.hardware python -m pytest -o timeout=240 -p no:cacheprovider --durations=8 tests/hardware $(HARDWARE_PYTEST)

lint: $(STAMP) ## ruff, mypy strict, import-linter
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@for member in $(MEMBERS); do $(BIN)/mypy $$member || exit 1; done
	@$(BIN)/mypy tests bench tools
	@$(BIN)/lint-imports

format: $(STAMP) ## formats the code
	@$(BIN)/ruff check --fix-only --quiet .
	@$(BIN)/ruff format .

features: $(STAMP) check-system-deps ## PASS or FAIL for each row of FEATURES.md
	@$(BIN)/python -m tests.features.report

bench: $(STAMP) ## the numbers, each against a baseline of the same run
	@$(BIN)/python -m bench

screenshots: $(STAMP) check-system-deps ## every page of the console, from a real door, into docs/screenshots
	@$(BIN)/python -m tools.screenshots

docs: $(STAMP) ## writes the documents that are generated from the code
	@$(BIN)/python -m tools.generate_docs

lock: $(UV) ## writes requirements/*.txt anew; what is locked stays, UPGRADE=1 takes newer ones
	@tools/lock.sh

system-deps: ## installs with apt what the tests need (root)
	@apt-get update -qq && xargs -a <(sed 's/#.*//' system-deps.txt) apt-get install -y -qq --no-install-recommends

# As root the missing ones are installed; otherwise their tests are skipped, visibly (and fail when CI=true).
check-system-deps:
	@missing=$$(for package in $$(sed 's/#.*//' system-deps.txt); do \
	    dpkg-query -W -f '$${Status}' $$package 2>/dev/null | grep -q 'ok installed' || echo $$package; done); \
	if [ -n "$$missing" ]; then \
	    if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then $(MAKE) --no-print-directory system-deps; \
	    else echo "missing, their tests will be skipped: "$$missing" (as root: make system-deps)"; fi; \
	fi

system-deps-hardware: ## installs with apt what test-hardware needs (root)
	@apt-get update -qq && xargs -a <(sed 's/#.*//' system-deps-hardware.txt) apt-get install -y -qq --no-install-recommends

# As root the missing ones are installed; otherwise tools.hardware names them.
check-system-deps-hardware:
	@if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	    for package in $$(sed 's/#.*//' system-deps-hardware.txt); do \
	        dpkg-query -W -f '$${Status}' $$package 2>/dev/null | grep -q 'ok installed' \
	        || exec $(MAKE) --no-print-directory system-deps-hardware; \
	    done; \
	fi

clean-hardware: ## forgets the kernel of test-hardware
	rm -rf .hardware

clean: clean-hardware ## removes what make made
	rm -rf .venv .tools .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
