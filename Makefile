# `make help` lists the targets. What needs the environment makes it first, so each works from a clean clone.

PYTHON ?= python3
STUDY ?= .
JOBS ?= 2
UV_VERSION := 0.13.8
export PATH := $(CURDIR)/.venv/bin:$(PATH)
READY := .venv/.ready

.PHONY: help install quickstart check repro readme docs test lint audit format studies page pictures kernel lock bench torture clean

help: ## show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "make %-11s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

install: $(READY) ## make .venv with the pinned requirements and the package

$(READY): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import os, sys; os.name == "posix" or sys.exit("error: found Windows, expected Linux, macOS or WSL"); sys.version_info >= (3, 11, 4) or sys.exit("error: $(PYTHON) is Python " + sys.version.split()[0] + ", expected 3.11.4 or newer (make PYTHON=python3.12 ...)")'
	$(PYTHON) -m venv .venv
	.venv/bin/python -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)
	.venv/bin/uv pip install --quiet --compile-bytecode --python .venv/bin/python --require-hashes --requirement requirements.lock
	.venv/bin/uv pip install --quiet --python .venv/bin/python --no-deps --no-build-isolation --editable .
	@touch $@

quickstart: STUDY = studies/quickstart
quickstart: repro ## run the whole pipeline on a small budget: a few minutes on two cores

check: $(READY) ## check the params.yaml of STUDY (.)
	@cd "$(STUDY)" && python -m elbowroom check

repro: check ## run what is not up to date in STUDY (.), JOBS (2) stages at a time; in full: hours on a CPU
	@cd "$(STUDY)" && MAKE_PID=$$PPID exec python -m elbowroom.scheduler.local --jobs $(JOBS)
	@cd "$(STUDY)" && python -m elbowroom answer

readme: $(READY) ## put the root study's results into README.md
	PYTHONPATH=src python -m elbowroom.report.readme

docs: $(READY) ## make a site of docs/ -> site/index.html
	rm -rf site
	PYTHONPATH=src sphinx-build --fail-on-warning --keep-going --quiet --conf-dir docs . site
	rm -rf site/.doctrees

test: $(READY) ## run every test, by as many processes as JOBS
	pytest -n $(JOBS) --dist loadfile --no-loadscope-reorder --durations=20

lint: $(READY) audit ## check format, style and types, and audit
	ruff format --check .
	ruff check .
	mypy

# CVE-2025-69872, of diskcache, which DVC has: whoever may write to DVC's cache of hashes can run code. No release mends it.
audit: $(READY) ## look for known vulnerabilities of the pinned requirements, if osv.dev is reached
	@said=$$(pip-audit --vulnerability-service osv --requirement requirements.lock --require-hashes --disable-pip \
		--progress-spinner off --ignore-vuln CVE-2025-69872 2>&1); failed=$$?; \
	case "$$said" in \
		*"No known vulnerabilities"* | *"Found "*" known vulnerabilit"*) echo "$$said"; exit $$failed;; \
		*) echo "audit: skipped, no answer from osv.dev ($$(echo "$$said" | tail -n 1 | cut -c -100))";; \
	esac

format: $(READY) ## let ruff mend what it can
	ruff format .
	ruff check --fix .

studies: ## copy the pipeline to the studies
	for study in studies/*/; do cp dvc.yaml "$$study"; done

page: $(READY) ## make the page of dvc plots from .dvc/page
	python .dvc/page/build.py

pictures: $(READY) ## make the GIF and the card that people share, from the pages (needs Chromium)
	PYTHONPATH=src python docs/shared_pictures.py

kernel: .venv/asc ## compile the kernel with which the report's page decodes (needs npm)
	.venv/asc/node_modules/.bin/asc src/elbowroom/report/templates/kernel.ts $(ASC) --outFile src/elbowroom/report/templates/kernel.wasm

ASC := -O3 --enable simd --runtime stub --noAssert

.venv/asc: $(READY) # the compiler: no requirement of ours
	npm install --prefix $@ --no-save --no-audit --no-fund --ignore-scripts --silent assemblyscript@0.28.20
	@touch $@

lock: $(READY) ## compile requirements.lock anew from pyproject.toml
	uv pip compile pyproject.toml --group dev --universal --python-version 3.11.4 --generate-hashes --quiet --upgrade --output-file requirements.lock

bench: $(READY) .venv/bench ## measure what training costs, beside others -> benchmarks/RESULTS.md (40 minutes)
	PYTHONPATH=.venv/bench python benchmarks/bench.py

.venv/bench: $(READY) # what it is compared with: no requirement of ours
	.venv/bin/uv pip install --quiet --python .venv/bin/python --target $@ --no-deps lightning==2.6.6 pythae==0.1.2 imageio==2.38.1

torture: $(READY) ## kill, crowd and damage a small study -> docs/reliability.md (a quarter of an hour)
	python benchmarks/torture.py

clean: ## remove the environment and tools' caches; results and DVC's cache stay
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache site dvc_plots studies/*/dvc_plots
	find . -name __pycache__ -prune -exec rm -rf {} +
