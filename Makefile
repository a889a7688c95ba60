# `make help` lists the targets. What needs the environment makes it first, so each works from a clean clone.

PYTHON ?= python3
JOBS ?= 2
UV_VERSION := 0.13.8
export PATH := $(CURDIR)/.venv/bin:$(PATH)
READY := .venv/.ready

# dvc repro runs one stage after another. Stages of different variants do not wait for each other, so several may run at
# once, each with its share of the cores.
SIDE_BY_SIDE = cd studies/quickstart && dvc stage list --name-only $$stages \
	| OMP_NUM_THREADS=$$(python -c 'import os; print(max(1, (os.cpu_count() or 1) // $(JOBS)))') \
	  xargs -P $(JOBS) -I{} dvc --wait-for-lock repro --single-item {}

.PHONY: help install quickstart repro test lint format studies page lock bench clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "make %-11s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

install: $(READY) ## .venv with the pinned requirements and the package

$(READY): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 11, 4) or sys.exit("error: $(PYTHON) is Python " + sys.version.split()[0] + ", expected 3.11.4 or newer (make PYTHON=python3.12 ...)")'
	$(PYTHON) -m venv .venv
	.venv/bin/python -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)
	.venv/bin/uv pip install --quiet --python .venv/bin/python --require-hashes --requirement requirements.lock
	.venv/bin/uv pip install --quiet --python .venv/bin/python --no-deps --no-build-isolation --editable .
	@touch $@

quickstart: $(READY) ## the whole pipeline on a small budget, a few minutes on two cores
	cd studies/quickstart && dvc repro prepare
	for stages in "train" "evaluate figures"; do ($(SIDE_BY_SIDE)) || exit 1; done
	cd studies/quickstart && dvc repro
	@echo "The report: $(CURDIR)/studies/quickstart/report/index.html"

repro: $(READY) ## the study in full: hours on a CPU
	dvc repro
	@echo "The report: $(CURDIR)/report/index.html"

test: $(READY) ## every test
	pytest

lint: $(READY) ## format, lint and types
	ruff format --check .
	ruff check .
	mypy

format: $(READY) ## mend what ruff can mend
	ruff format .
	ruff check --fix .

studies: ## copy the pipeline to the studies
	for study in studies/*/; do cp dvc.yaml "$$study"; done

page: $(READY) ## the page of dvc plots, from .dvc/page
	python .dvc/page/build.py

lock: $(READY) ## compile requirements.lock anew from pyproject.toml
	uv pip compile pyproject.toml --group dev --universal --python-version 3.11.4 --generate-hashes --quiet --upgrade --output-file requirements.lock

bench: $(READY) ## training speed against the published notebook's loop
	python benchmarks/bench.py

clean: ## remove the environment and tools' caches; results and DVC's cache stay
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache dvc_plots studies/*/dvc_plots
	find . -name __pycache__ -prune -exec rm -rf {} +
