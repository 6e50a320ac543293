# Everything here works without root, Docker, Java or Node; only what says so wants Java and Maven, or an AWS account.
# `make` alone prints this page's targets.

SHELL := /bin/sh
.DEFAULT_GOAL := help
.SUFFIXES:
MAKEFLAGS += --no-builtin-rules

# `make run INPUT=records.jsonl OUT=folder`; `-` reads standard input.
INPUT ?=
OUT ?=
export INPUT OUT
# `make invoke FUNCTION=lookup EVENT=events/lookup/hit.json`.
FUNCTION ?= preprocess
EVENT ?= events/msk/mixed.json
export FUNCTION EVENT
# Python to make .venv with; by default the first of python3.13 … python3 that is new enough and whole.
PYTHON ?=
# Further arguments for pytest: `make test ARGS="-k murmur2"`.
ARGS ?=
# Of what is deployed: `make deploy STAGE=prod ARGS="-c partitions=24"`.
STAGE ?= dev

PY := .venv/bin/python
LOCAL := .venv/local.stamp .venv/rie.stamp
DEV := .venv/dev.stamp .venv/rie.stamp .venv/cdk.stamp
INFRA := .venv/infra.stamp .venv/cdk.stamp
# `make replay` without ARGS mends what the sample's upgraded agent wrote; YES=1 does not ask.
YES ?=
MEND := --agent scribe-40 --repair events/repair/upgraded-agent.json
SLUICE := PYTHONPATH=layers/sluice/python $(PY)
CDK := $(SLUICE) -m ops.cdk
PYTEST := $(PY) -m pytest $(ARGS)
# What AWS Lambda's runtime brings along, so the vendor layer does not; and click, which only a command line needs.
RUNTIME_HAS := boto3 botocore s3transfer python-dateutil six urllib3 click
# Tests marked `kafka` hold on Apache Kafka only.
EMBEDDED := -m "not kafka"
# What needs no broker, or kills and patches what the twin itself embeds: the same on any broker.
NO_BROKER := --ignore=tests/contract/test_faults.py --ignore=tests/contract/test_replay_faults.py \
  --ignore=tests/integration/test_replay_state_machine.py --ignore=tests/integration/test_run_kills.py \
  --ignore=tests/integration/test_run_self_test.py --ignore=tests/integration/test_event_source_shutdown.py \
  --ignore=tests/integration/test_event_source_runtime.py --ignore=tests/integration/test_invoke.py

##@ Use

.PHONY: help
help: ## Print this help
	@awk 'BEGIN {FS = ":.*## "} /^##@/ {printf "\n%s\n", substr($$0, 5)} \
	  /^[a-z][a-z-]*:.*## / {printf "  make %-17s %s\n", $$1, $$2}' $(firstword $(MAKEFILE_LIST))

.PHONY: run
run: $(LOCAL) ## Run the pipeline in the local twin [INPUT=file.jsonl[.gz]|file.b64|-] [OUT=folder]
	@exec $(PY) -m ops.twin run $${INPUT:+--input "$$INPUT"} $${OUT:+--out "$$OUT"}

.PHONY: invoke
invoke: $(LOCAL) ## Invoke one function with one event, locally [FUNCTION=preprocess] [EVENT=events/msk/mixed.json]
	@exec $(PY) -m ops.invoke "$$FUNCTION" "$$EVENT"

.PHONY: up
up: $(LOCAL) ## Start a twin that stays: runs and replays use it and leave their records there
	@exec $(PY) -m ops.twin up

.PHONY: down
down: ## End that twin and everything in it
	@if [ -x $(PY) ]; then exec $(PY) -m ops.twin down; fi

.PHONY: replay
replay: $(LOCAL) ## Replay its dead letters: count, ask, run [YES=1] [ARGS='--reason … --repair rules.json']
	@exec env $(SLUICE) -m ops.cli replay --local $(or $(ARGS),$(MEND)) $(if $(YES),--yes)

.PHONY: sluice
sluice: $(LOCAL) ## The operator's tool: make sluice ARGS='ls --local', ARGS='--help'
	@exec env $(SLUICE) -m ops.cli $(or $(ARGS),--help)

.PHONY: bench
bench: $(DEV) ## Measure speed and memory, beside the seed loop and the floor
	@$(SLUICE) -m ops.bench $(ARGS)

.PHONY: events
events: $(LOCAL) ## Remake events/msk, and build/full.json, an event as large as AWS Lambda takes
	@mkdir -p build && $(PY) -m ops.events && $(PY) -m ops.events full > build/full.json

.PHONY: sample
sample: $(LOCAL) ## Remake the sample stream, byte for byte
	@$(SLUICE) -m ops.sample > events/records/sample.jsonl.new && mv events/records/sample.jsonl.new events/records/sample.jsonl

##@ Deploy

.PHONY: synth
synth: $(INFRA) ## Write the CloudFormation templates to cdk.out, offline [STAGE=dev|prod] [ARGS="-c key=value"]
	@$(CDK) synth --stage '$(STAGE)' $(ARGS)

.PHONY: cost
cost: .venv/infra.stamp ## Estimate what a stage costs a month, part by part [STAGE=…] [ARGS="--records 1e6"]
	@$(SLUICE) -m ops.cost --stage '$(STAGE)' $(ARGS)

.PHONY: layers
layers: .venv/infra.stamp ## Build both Lambda layers into build/layers [ARGS="--architecture x86_64 --python 3.13"]
	@$(PY) -m ops.layers $(ARGS)

.PHONY: bootstrap
bootstrap: $(INFRA) ## Prepare an account and region for the CDK, once
	@$(CDK) bootstrap --stage '$(STAGE)' $(ARGS)

.PHONY: diff
diff: $(INFRA) ## Show what a deployment would change
	@$(CDK) diff --stage '$(STAGE)' $(ARGS)

.PHONY: deploy
deploy: $(INFRA) ## Deploy a stage, with your AWS credentials
	@$(CDK) deploy --stage '$(STAGE)' $(ARGS)

.PHONY: deploy-check
deploy-check: .venv/infra.stamp ## Ask a deployed stage whether it works, step by step
	@$(SLUICE) -m ops.deploy_check --stage '$(STAGE)' $(ARGS)

.PHONY: outputs
outputs: .venv/infra.stamp ## Print names and addresses of a deployed stage, and what to type next
	@$(CDK) outputs --stage '$(STAGE)' $(ARGS)

.PHONY: rollback
rollback: .venv/infra.stamp ## Point the functions to the version before [ARGS="--to PIPELINE_VERSION | --dry-run"]
	@$(CDK) rollback --stage '$(STAGE)' $(ARGS)

.PHONY: destroy
destroy: $(INFRA) ## Remove a stage; unsettled records only with ARGS=--delete-data
	@$(CDK) destroy --stage '$(STAGE)' $(ARGS)

##@ Test

.PHONY: test
test: $(DEV) ## Run all tests, on the embedded broker and cache
	@exec $(PYTEST) $(EMBEDDED)

.PHONY: test-unit
test-unit: $(DEV) ## Run the unit tests: no sockets, seconds
	@exec $(PYTEST) tests/unit

.PHONY: test-infra
test-infra: $(DEV) ## Run the tests of the templates, the layers and the deployment, without an account
	@exec $(PYTEST) tests/infra

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
pr: format-check lint types coverage test-infra test-integration ## All checks that a change has to pass

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
	  --ignore=tests/contract/test_replay_faults.py --cov --cov-report=term

.PHONY: kafka
kafka: $(DEV) ## Start Apache Kafka in the foreground (Java 17+ and Maven)
	@exec $(PY) -m ops.kafka

.PHONY: golden
golden: $(DEV) ## Write the golden files anew (records and templates); look at the difference
	@exec $(PYTEST) tests/golden tests/infra/test_golden.py --update-golden

.PHONY: docs
docs: $(LOCAL) ## Write docs/reference.md anew from the code
	@$(SLUICE) -m ops.docs

.PHONY: lock
lock: ## Pin the requirements anew (needs uv)
	@# With their extras: where pytest-cov wants `coverage[toml]` and only `coverage` is pinned, pip looks at the newest
	@# release and refuses it for want of a hash. Leaving the dependencies out (--no-deps) is no way: the order in which
	@# pip installs decides whose file stays where two packages of the CDK have the same one.
	@for file in layers/vendor/requirements requirements/local requirements/infra requirements/node requirements/dev; do \
	  leave=; case $$file in layers/*) leave="$(RUNTIME_HAS:%=--no-emit-package=%)";; esac; \
	  uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	    --no-header --no-annotate --no-strip-extras $$leave $(ARGS) $$file.in --output-file $$file.txt || exit 1; \
	done

.PHONY: clean
clean: down ## Remove everything that make made, .venv too
	@rm -rf .venv .venv.lock .cache node_modules cdk.out build out mutants htmlcov .coverage .coverage.* .hypothesis .mypy_cache \
	  .pytest_cache .ruff_cache ops/kafka/target
	@find functions infra layers ops tests -name __pycache__ -type d -prune -exec rm -rf {} +

# The set-up. A stamp is written last, so a broken set-up is taken up again by the next make.

.venv/local.stamp: requirements/local.txt
.venv/infra.stamp: requirements/infra.txt
.venv/dev.stamp: requirements/dev.txt
.venv/rie.stamp: requirements/rie.txt ops/twin/rie.py | .venv/local.stamp
.venv/cdk.stamp: requirements/node.txt package.json package-lock.json | .venv/infra.stamp

.venv/%.stamp: ops/install.py
	@for python in $(if $(PYTHON),'$(PYTHON)',python3.13 python3.12 python3.11 python3); do \
	  if $$python -c 'import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then \
	    exec $$python ops/install.py $*; \
	  fi; \
	done; \
	echo 'Sluice needs Python 3.11 or newer with its venv module: install it (Debian, Ubuntu: python3-venv)' \
	  'or name one: make PYTHON=/path/to/python3' >&2; exit 2
