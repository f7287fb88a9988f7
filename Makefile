# Everything in one command each. `make run` and `make test` need Python 3.11+, make and git, nothing else.
PYTHON ?= python3
BIN := .venv/bin

.DEFAULT_GOAL := help
.PHONY: help setup setup-test run test lint style types contracts templates checks units journeys bench four-eyes fuzz search
.PHONY: demo-reset lock

help: ## Show this list
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /  make \1\t/' | expand -t 22

setup: ## Make the environment from the lock files
	@$(PYTHON) scripts/setup.py run

setup-test:
	@$(PYTHON) scripts/setup.py test

run: setup ## Run everything on this machine, with demo data
	@exec $(BIN)/python -m portal.supervisor run

test: setup-test lint checks units journeys ## All that has to hold before a change lands

lint: style types contracts templates ## Style, types, import contracts, templates

style: setup-test
	$(BIN)/ruff check --quiet .
	$(BIN)/ruff format --check --quiet .

types: setup-test
	$(BIN)/mypy

contracts: setup-test
	$(BIN)/lint-imports --no-cache

templates: setup-test
	$(BIN)/djlint --lint --quiet portal/templates

checks: setup-test ## What the code promises of itself: policies, permissions, translations, migrations
	$(BIN)/portal check

units: setup-test ## The tests without a browser
	$(BIN)/pytest -q -n 2 --dist loadgroup -m "not browser"

journeys: setup-test ## The tests in a real browser
	$(BIN)/pytest -q -m browser tests

bench: setup-test ## Speed beside reference implementations
	$(BIN)/python -m bench

FUZZ_INPUTS ?= 200000

four-eyes: setup-test ## Fifty people at once on one task that waits for approval, a thousand times
	$(BIN)/python -m scripts.four_eyes

fuzz: setup-test ## Damaged files of each format, FUZZ_INPUTS=200000 of them: read, or refused with words
	$(BIN)/python -m scripts.fuzz --inputs $(FUZZ_INPUTS)

search: setup-test ## The property tests on examples never seen before, 1,000 for each that sets no number itself
	$(BIN)/pytest -q -n 2 --dist loadgroup -m "not browser" --hypothesis-profile search $$(grep -rl "^from hypothesis" tests)

demo-reset: setup ## Forget the demo data; the next `make run` makes it anew
	@$(BIN)/python -m portal.supervisor reset

lock: setup-test ## Write the lock files anew from requirements/*.in
	cd requirements && for set in app uv node; do \
	  ../$(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-header \
	    --no-emit-index-url --no-emit-find-links $$set.in -o $$set.txt || exit 1; done
	cd requirements && ../$(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-header \
	    --no-emit-index-url --no-emit-find-links -c app.txt dev.in -o dev.txt
