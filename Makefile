# One vocabulary for people, hooks and CI. `make` lists it.

SHELL := /bin/sh
.DEFAULT_GOAL := help
.SUFFIXES:

VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
LOCKS := requirements-build.lock requirements.lock
UV_VERSION := 0.13.9

# Nothing here reports to anyone.
export DO_NOT_TRACK := 1
export KEDRO_DISABLE_TELEMETRY := 1
export MLFLOW_DISABLE_TELEMETRY := true
export RAY_USAGE_STATS_ENABLED := 0
export PIP_DISABLE_PIP_VERSION_CHECK := 1
export PYTHONUNBUFFERED := 1

# The answers of the supported Pythons: 3.11, 3.12 and 3.13.
SUPPORTED := import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))
CANDIDATES := python3 python3.13 python3.12 python3.11 python

.PHONY: bench-backtest bench-batch bench-coverage bench-features bench-flagship bench-gates bench-history bench-monitoring bench-quality bench-serving bench-slices help setup run test test-full lint format serve lab viz backtest loop watch clean lock

help: ## this list
	@awk -F ':.*## ' '/^[a-z][a-z-]*:.*## / {printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: setup ## the whole job: raw tables to a blessed release and its reports
	@$(BIN)/kedro run

# Tests of a file share what is costly to make, so whole files are spread over the cores (tests/conftest.py).
SIDE_BY_SIDE := --numprocesses auto --dist loadscope --no-loadscope-reorder

test: setup ## the tests, over all cores (up to 17 minutes on 2)
	@$(BIN)/python -m pytest $(SIDE_BY_SIDE)

test-full: setup ## the tests, slow ones included (faults, fuzzing, soak)
	@$(BIN)/python -m pytest -m "slow or not slow"

lint: setup ## style, types and import rules
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-cache

format: setup ## put the code into its format
	@$(BIN)/ruff check --fix-only --quiet .
	@$(BIN)/ruff format .

serve: setup ## the champion behind HTTP on loopback, autoscaling
	@$(BIN)/python -m model_lifecycle serve

loop: setup ## six months of live traffic with planted incidents, and a scorecard; SEED=<number>, MONTHS=1, FAULT=<name> for one fault
	@$(BIN)/python -m model_lifecycle loop $(if $(FAULT),--fault $(FAULT)) $(if $(SEED),--seed $(SEED)) $(if $(MONTHS),--months $(MONTHS))

backtest: setup ## policies of retraining tried on the history, and which to take; FAST=1 for a first answer sooner; needs `make run` first
	@$(BIN)/python -m kedro run --pipelines backtest $(if $(FAST),--env fast)

watch: setup ## the agent: monitoring on its schedule, and what the policy asks for, until Ctrl-C
	@$(BIN)/python -m model_lifecycle watch

lab: setup ## the notebooks in JupyterLab
	@PYTHONWARNINGS="ignore:IProgress not found" KEDRO_LOGGING_CONFIG=$(CURDIR)/conf/logging_notebook.yml $(BIN)/jupyter lab --notebook-dir=notebooks

viz: setup ## the pipelines in kedro-viz
	@$(BIN)/python -m model_lifecycle viz

clean: ## remove the environment and the caches; data and releases stay
	@rm -rf $(VENV) .venv-lock .venv-peers .venv-peers-serving .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis build dist src/*.egg-info
	@find src tests -name __pycache__ -type d -prune -exec rm -rf {} +

# The environment belongs to the content of the lock files and to one Python: the stamp names both and is
# written last, so an interrupted installation is taken up again and a finished one is not repeated. Modules are compiled
# over all cores, which pip does on one, but for what hardly anything imports; files for another Python are none of ours.
setup: ## the environment in .venv, from the lock files; PYTHON=<path> chooses the interpreter
	@set -eu; \
	works() { command -v "$$1" >/dev/null 2>&1 && "$$1" -c '$(SUPPORTED)' >/dev/null 2>&1; }; \
	lock=$$(cat $(LOCKS) | cksum | tr ' ' '-'); \
	wanted="$(PYTHON)"; \
	if [ -n "$$wanted" ]; then \
		works "$$wanted" || { echo "make: PYTHON=$$wanted does not run as Python 3.11, 3.12 or 3.13" >&2; exit 1; }; \
	elif works $(BIN)/python; then \
		wanted=$(BIN)/python; \
	else \
		for candidate in $(CANDIDATES); do \
			if works $$candidate; then wanted=$$candidate; break; fi; \
		done; \
		[ -n "$$wanted" ] || { echo "make: no Python 3.11, 3.12 or 3.13 found (looked for: $(CANDIDATES));" \
			"install one, or name it: make PYTHON=/path/to/python3.12 ..." >&2; exit 1; }; \
	fi; \
	version=$$("$$wanted" -c 'import platform; print(platform.python_version())'); \
	[ "$$(cat $(STAMP) 2>/dev/null || true)" != "$$lock $$version" ] || exit 0; \
	rm -f $(STAMP); \
	if [ "$$wanted" != $(BIN)/python ] || ! $(BIN)/python -m pip --version >/dev/null 2>&1; then \
		if [ "$$wanted" = $(BIN)/python ]; then wanted=$$($(BIN)/python -c 'import sys; print(sys._base_executable)'); fi; \
		echo "Creating $(VENV) with Python $$version"; \
		"$$wanted" -m venv --clear $(VENV) || { echo "make: $$wanted cannot create a virtual environment" \
			"(on Debian and Ubuntu: apt-get install python3-venv)" >&2; exit 1; }; \
	fi; \
	echo "Installing $$(grep -c '^[a-z0-9].*==' requirements.lock) pinned packages into $(VENV): once, a few minutes"; \
	$(BIN)/python -m pip install --quiet --require-hashes -r requirements-build.lock; \
	parts=$$(mktemp -d); awk -v to="$$parts" '/^[a-z0-9]/ { part = (part + 1) % 4 } { print > (to "/" (part + 0)) }' requirements.lock; \
	pids=; for part in "$$parts"/*; do \
		$(BIN)/python -m pip install --no-compile --no-deps --require-hashes --no-build-isolation --use-pep517 -r "$$part" & \
		pids="$$pids $$!"; \
	done; \
	failed=; for pid in $$pids; do wait $$pid || failed=1; done; rm -r "$$parts"; [ -z "$$failed" ]; \
	$(BIN)/python -m compileall -q -j 0 -x '/(tests?|rllib|databricks|plotly)/' $(VENV)/lib src >/dev/null 2>&1 || true; \
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .; \
	echo "$$lock $$version" >$(STAMP)

# Each lock pins what pyproject.toml asks for, for every supported Python and platform; the smaller ones take
# their versions from the large one.
COMPILE = .venv-lock/bin/uv pip compile --quiet --universal --generate-hashes --python-version 3.11 \
	--fork-strategy fewest --no-emit-index-url --custom-compile-command "make lock" $(UPGRADE)

lock: setup ## write the lock files anew; UPGRADE=--upgrade takes the newest versions
	@[ -x .venv-lock/bin/uv ] || $(BIN)/python -m venv .venv-lock
	@.venv-lock/bin/python -m pip install --quiet uv==$(UV_VERSION)
	@$(COMPILE) pyproject.toml --extra lifecycle --extra dev -o requirements.lock
	@$(COMPILE) pyproject.toml -c requirements.lock -o requirements-serving.lock
	@printf 'pip\nsetuptools\n' | $(COMPILE) - -c requirements.lock -o requirements-build.lock
	@$(COMPILE) benchmarks/quality/peers.in -c requirements.lock -o benchmarks/quality/peers.txt
	@$(COMPILE) benchmarks/serving/peers.in -o benchmarks/serving/peers.txt

bench-batch: setup ## batch scoring of ten times all flights, against features and model alone (4 minutes); needs `make run` first
	@$(BIN)/python benchmarks/batch/run.py

bench-flagship: setup ## the challenger against CatBoost's defaults, five seeds (20 minutes); needs `make run` first
	@$(BIN)/python benchmarks/flagship/run.py

bench-gates: setup ## how often the gates let bad releases through and hold good ones back, 2,000 worlds each (half an hour)
	@$(BIN)/python benchmarks/gates/run.py

bench-backtest: setup ## how often the back-test leaves a still world alone and retrains in a changing one, 200 worlds each (15 minutes)
	@$(BIN)/python benchmarks/backtest/run.py

bench-slices: setup ## how often the fairness gate and the search for weak slices err, 200 worlds each (6 minutes)
	@$(BIN)/python benchmarks/slices/run.py

bench-coverage: setup ## how often intervals hold the truth on days that depend on one another, 2,000 worlds each (8 minutes)
	@$(BIN)/python benchmarks/coverage/run.py

bench-monitoring: setup ## false alarms and power of monitoring, its speed (three hours; QUICK=1: a tenth of the worlds; OPTIONS="--cells 50x20": some cells)
	@$(BIN)/python benchmarks/monitoring/run.py $(if $(QUICK),--quick) $(OPTIONS)

bench-history: setup ## history features: all flights, 10^5 to 10^7 events, one row (2 minutes); needs `make run` first
	@$(BIN)/python benchmarks/history/run.py

bench-features: setup ## the features on the months after the run, with and without history, five seeds (4 minutes); needs `make run` first
	@$(BIN)/python benchmarks/features/run.py

bench-quality: setup .venv-peers/.installed ## the champion against FLAML, CatBoost and LightGBM, raw columns and our features (50 minutes, idle cores); needs `make run` first
	@$(BIN)/python benchmarks/quality/run.py

# What is compared with lives apart: none of it may reach the project's own environment.
.venv-peers/.installed: benchmarks/quality/peers.txt | setup
	@$(BIN)/python -m venv --clear .venv-peers
	@echo "Installing $$(grep -c '^[a-z0-9].*==' benchmarks/quality/peers.txt) pinned packages into .venv-peers: once, a few minutes"
	@.venv-peers/bin/python -m pip install --quiet --require-hashes --only-binary :all: -r benchmarks/quality/peers.txt
	@touch $@

bench-serving: setup .venv-peers-serving/.installed ## the service against FastAPI, MLflow, Ray Serve, BentoML and LitServe (10 minutes, idle cores; needs wrk); OPTIONS="--grid" or "--soak"; needs `make run` first
	@$(BIN)/python benchmarks/serving/run.py $(OPTIONS)

.venv-peers-serving/.installed: benchmarks/serving/peers.txt | setup
	@$(BIN)/python -m venv --clear .venv-peers-serving
	@echo "Installing $$(grep -c '^[a-z0-9].*==' benchmarks/serving/peers.txt) pinned packages into .venv-peers-serving: once, a few minutes"
	@.venv-peers-serving/bin/python -m pip install --quiet --require-hashes -r benchmarks/serving/peers.txt
	@touch $@
