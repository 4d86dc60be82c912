# One door for every command. Paths are relative: the checkout may lie in a folder with spaces or Chinese characters.
# Override on the command line or in the environment: PYTHON (3.11 or newer), PORT, WEIYU_DATA_DIR.

.DEFAULT_GOAL := help
PY    := .venv/bin/python
STAMP := .venv/.installed
COMPILE := $(PY) -m piptools compile --quiet --generate-hashes --all-build-deps --allow-unsafe --strip-extras \
	--no-emit-index-url --no-emit-find-links --no-emit-trusted-host $(if $(UPGRADE),--upgrade)

.PHONY: help setup run demo test check bench evidence learning-curve study attack-kill attack-faults image lock clean lint types contracts house tests

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-15s %s\n", $$1, $$2}' Makefile

setup: ## the locked dependencies and the command `weiyu` in .venv, only when needed
	@$(sound_venv) || { $(make_venv); }
	@$(MAKE) --silent --no-print-directory $(STAMP)
	@$(PY) -m compileall -q service  # where Python may not write, every start would compile all of it anew

run: setup ## the service with its own database and the simulated district: PORT=8000 WEIYU_DATA_DIR=./var
	@exec .venv/bin/weiyu demo

demo: run ## the same

test: setup ## everything: lint, types, contracts, all tests
	@failed=''; \
	for step in lint types contracts tests; do \
		echo "== $$step"; \
		$(MAKE) --no-print-directory $$step || failed="$$failed $$step"; \
	done; \
	[ -z "$$failed" ] || { echo "FAILED:$$failed" >&2; exit 1; }

check: setup ## the fast half: lint, types, contracts, the tests that guard the house
	@failed=''; \
	for step in lint types contracts house; do \
		echo "== $$step"; \
		$(MAKE) --no-print-directory $$step || failed="$$failed $$step"; \
	done; \
	[ -z "$$failed" ] || { echo "FAILED:$$failed" >&2; exit 1; }

bench: setup ## the measurements, ratios side by side; GROWTH=10000000 first fills a database with so many incidents
	@[ -f benchmarks/__main__.py ] || { echo "There is no benchmark in this checkout yet (benchmarks/__main__.py)." >&2; exit 1; }
	@[ -z "$(GROWTH)" ] || $(PY) -m benchmarks.growing --incidents $(GROWTH)
	$(PY) -m benchmarks

evidence: setup ## the learner on public events beside the checkout → docs/model-evidence.md: DATA=../shared/data ONLY=name
	@$(PY) -m benchmarks.evidence $(if $(DATA),--data $(DATA)) $(if $(ONLY),"$(ONLY)")

learning-curve: setup ## simulated districts from the prior over their first outcomes → docs/learning-curve.md
	@$(PY) -m benchmarks.learning_curve

study: setup ## the learner on simulated districts never seen, beside rivals and the truth → docs/model-study.md: CACHE=file.npz
	@$(PY) -m benchmarks.model_study $(if $(CACHE),--cache $(CACHE))

attack-kill: setup ## kill -9 server and database at random moments, compare three ledgers: N=200 SEED=1
	@$(PY) -m tests.attack --kills $(or $(N),200) --seed $(or $(SEED),1)

attack-faults: setup ## bad receivers, kill -9 of pushers, clock an hour off both ways; prints its counts: N=50 SEED=1
	@$(PY) -m tests.attack.faults --kills $(or $(N),50) --seed $(or $(SEED),1)

image: setup ## the Dockerfile's steps without an engine, then what the image must do; needs root on Linux
	@$(PY) -m tests.image

lock: setup ## new lock files from pyproject.toml; UPGRADE=1 raises every version
	@CUSTOM_COMPILE_COMMAND='make lock' $(COMPILE) --output-file requirements.lock pyproject.toml
	@CUSTOM_COMPILE_COMMAND='make lock' $(COMPILE) --extra dev --extra train --output-file requirements-dev.lock pyproject.toml

clean: ## removes what these commands made, except the data in ./var
	rm -rf .venv build weiyu.egg-info .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	find . -path ./var -prune -o -name __pycache__ -type d -prune -exec rm -rf {} +

# Steps of test and check; they expect a .venv.
lint:
	@$(PY) -m ruff check . && $(PY) -m ruff format --check .
types:
	@$(PY) -m mypy --strict
contracts:
	@.venv/bin/lint-imports --no-logo --no-cache
house:
	@$(PY) -m pytest tests/test_house.py
# Journeys and workflows wait more than they compute: two lines of them run beside all others, each with a database
# server of its own.
tests:
	@told=$$(mktemp -d); \
	$(PY) -m pytest --ignore=tests/journeys --ignore=tests/workflows tests >"$$told/others" 2>&1 & others=$$!; \
	$(PY) -m pytest tests/workflows tests/journeys/test_[a-d]*.py >"$$told/journeys" 2>&1 & journeys=$$!; \
	$(PY) -m pytest tests/journeys/test_[!a-d]*.py; failed=$$?; \
	wait $$journeys || failed=1; wait $$others || failed=1; \
	cat "$$told/journeys" "$$told/others"; rm -rf "$$told"; exit $$failed

$(STAMP): requirements-dev.lock pyproject.toml
	@echo "Installing the locked dependencies into .venv …"
	@$(PY) -m pip install -qq --disable-pip-version-check --require-hashes -r requirements-dev.lock
	@$(PY) -m pip install -qq --disable-pip-version-check --no-index --no-deps --no-build-isolation -e .
	@touch $@

# Sound: it starts, was made here (a moved one has commands that point to its old place) and by the PYTHON asked for.
sound_venv = $(PY) -c 'import pip, sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null \
	&& grep -qF " $$(pwd -P)/.venv" .venv/pyvenv.cfg \
	&& { [ -z "$$PYTHON" ] || [ "$$("$$PYTHON" -V 2>&1)" = "$$($(PY) -V 2>&1)" ]; }

# A python on the path may still not run (a shim without its version) or lack venv: the first that has both is taken.
make_venv = [ -n "$$PYTHON" ] && set -- "$$PYTHON" || set -- python3.13 python3.12 python3.11 python3; \
	for python; do \
		"$$python" -c 'import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || continue; \
		echo "Making .venv with $$("$$python" -V) …"; \
		rm -rf .venv; \
		exec "$$python" -m venv .venv; \
	done; \
	echo "No Python 3.11 or newer with venv among: $$*. Install one (Debian: python3 python3-venv) or set PYTHON." >&2; \
	exit 1
