# Everything here works without root, Docker, an account, Java or Node; only what says so wants Java and Maven.
# `make` alone prints this page's targets.

SHELL := /bin/sh
.DEFAULT_GOAL := help
.SUFFIXES:
MAKEFLAGS += --no-builtin-rules

# `make run INPUT=records.jsonl OUT=folder`; `-` reads standard input.
INPUT ?=
OUT ?=
export INPUT OUT
# Python to make .venv with; by default the first of python3.13 … python3 that is new enough and whole.
PYTHON ?=
# Further arguments for pytest: `make test ARGS="-k murmur2"`.
ARGS ?=

PY := .venv/bin/python
LOCAL := .venv/local.stamp .venv/rie.stamp
DEV := .venv/dev.stamp .venv/rie.stamp
SLUICE := PYTHONPATH=layers/sluice/python $(PY)
PYTEST := $(PY) -m pytest $(ARGS)
# Tests marked `kafka` hold on Apache Kafka only.
EMBEDDED := -m "not kafka"
# What needs no broker, or kills and patches what the twin itself embeds: the same on any broker. And whole runs:
# on Apache Kafka a poller of the twin now and then passes over a partition's first record (the run says so).
NO_BROKER := --ignore=tests/contract/test_faults.py --ignore=tests/integration/test_run_kills.py \
  --ignore=tests/integration/test_run_self_test.py --ignore=tests/integration/test_event_source_shutdown.py \
  --ignore=tests/integration/test_event_source_runtime.py --ignore=tests/integration/test_run.py

##@ Use

.PHONY: help
help: ## Print this help
	@awk 'BEGIN {FS = ":.*## "} /^##@/ {printf "\n%s\n", substr($$0, 5)} \
	  /^[a-z][a-z-]*:.*## / {printf "  make %-17s %s\n", $$1, $$2}' $(firstword $(MAKEFILE_LIST))

.PHONY: run
run: $(LOCAL) ## Run the pipeline in the local twin [INPUT=file.jsonl[.gz]|file.b64|-] [OUT=folder]
	@exec $(PY) -m ops.twin run $${INPUT:+--input "$$INPUT"} $${OUT:+--out "$$OUT"}

.PHONY: bench
bench: $(DEV) ## Measure speed and memory, beside the seed loop and the floor
	@$(SLUICE) -m ops.bench $(ARGS)

.PHONY: redaction
redaction: $(LOCAL) ## Measure redaction on planted secrets and on your own messages [INPUT=file]
	@$(SLUICE) -m ops.redaction $${INPUT:+--input "$$INPUT"} $(ARGS)

.PHONY: sample
sample: $(LOCAL) ## Remake the sample stream, byte for byte
	@$(SLUICE) -m ops.sample > events/records/sample.jsonl.new && mv events/records/sample.jsonl.new events/records/sample.jsonl

##@ Test

.PHONY: test
test: $(DEV) ## Run all tests, on the embedded broker and cache
	@exec $(PYTEST) $(EMBEDDED)

.PHONY: test-unit
test-unit: $(DEV) ## Run the unit tests: no sockets, seconds
	@exec $(PYTEST) tests/unit

.PHONY: test-integration
test-integration: $(DEV) ## Run the tests that start servers, on the embedded broker
	@exec $(PYTEST) tests/integration $(EMBEDDED)

.PHONY: test-kafka
test-kafka: $(DEV) ## Run contract and integration tests on Apache Kafka (Java 17+ and Maven)
	@exec $(PY) -m ops.kafka $(PYTEST) tests/contract tests/integration $(NO_BROKER)

.PHONY: fuzz
fuzz: $(DEV) ## Run the property tests with 2,000 examples each
	@HYPOTHESIS_PROFILE=fuzz $(PYTEST) tests/unit tests/contract -m "hypothesis and not integration"

.PHONY: mutation
mutation: $(DEV) ## Mutate deliver.py and sinks/, list the mutants that no test kills
	@exec $(PY) -m ops.mutation $(ARGS)

##@ Change

.PHONY: pr
pr: format-check lint types coverage test-integration ## All checks that a change has to pass

.PHONY: format
format: .venv/dev.stamp ## Format the code
	@$(PY) -m ruff format -q . && $(PY) -m ruff check -q --fix-only .

.PHONY: format-check
format-check: .venv/dev.stamp
	@$(PY) -m ruff format --check .

.PHONY: lint
lint: .venv/dev.stamp ## Check style
	@$(PY) -m ruff check .

.PHONY: types
types: .venv/dev.stamp ## Check types
	@$(PY) -m mypy

.PHONY: coverage
coverage: $(DEV) ## Run unit, contract and golden tests; fail under 95 % of the package's branches
	@# The fault schedules cover nothing more and take ten times as long when traced.
	@$(PYTEST) tests/unit tests/contract tests/golden $(EMBEDDED) --ignore=tests/contract/test_faults.py \
	  --cov --cov-report=term

.PHONY: kafka
kafka: $(DEV) ## Start Apache Kafka in the foreground (Java 17+ and Maven)
	@exec $(PY) -m ops.kafka

.PHONY: docs
docs: $(LOCAL) ## Write docs/reference.md and docs/cleaning.md anew from the code
	@$(SLUICE) -m ops.docs

.PHONY: lock
lock: ## Pin the requirements anew (needs uv)
	@for file in layers/vendor/requirements requirements/local requirements/dev; do \
	  uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	    --no-header --no-annotate $(ARGS) $$file.in --output-file $$file.txt || exit 1; \
	done

.PHONY: clean
clean: ## Remove everything that make made, .venv too
	@rm -rf .venv .venv.lock .cache build out mutants htmlcov .coverage .coverage.* .hypothesis .mypy_cache \
	  .pytest_cache .ruff_cache ops/kafka/target
	@find functions layers ops tests -name __pycache__ -type d -prune -exec rm -rf {} +

# The set-up. A stamp is written last, so a broken set-up is taken up again by the next make.

.venv/local.stamp: requirements/local.txt
.venv/dev.stamp: requirements/dev.txt
.venv/rie.stamp: requirements/rie.txt ops/twin/rie.py | .venv/local.stamp

.venv/%.stamp: ops/install.py
	@for python in $(if $(PYTHON),'$(PYTHON)',python3.13 python3.12 python3.11 python3); do \
	  if $$python -c 'import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then \
	    exec $$python ops/install.py $*; \
	  fi; \
	done; \
	echo 'Sluice needs Python 3.11 or newer with its venv module: install it (Debian, Ubuntu: python3-venv)' \
	  'or name one: make PYTHON=/path/to/python3' >&2; exit 2
