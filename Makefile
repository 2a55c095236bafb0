# Set-up, demo and checks. Works with the make and the bash of macOS as well.

PYTHON := .venv/bin/python
RUN_STAMP := .venv/.installed-run
DEV_STAMP := .venv/.installed-dev
EVAL_STAMP := .venv/.installed-eval

.PHONY: help demo test check unit lint audit lock bench eval base-image docker stop clean

help:
	@echo "make demo        set everything up and ask the sample portfolio a question"
	@echo "make test        set everything up and run the whole test suite"
	@echo "make check       formatting, lint, types and the whole test suite"
	@echo "make unit        the tests that need no Docker, database or model"
	@echo "make lint        formatting, lint and types"
	@echo "make audit       known vulnerabilities of all locked packages"
	@echo "make lock        write the lock files anew after a change of a requirements file"
	@echo "make bench       time and memory of the tool itself"
	@echo "make eval        how many answers are right; EVAL_ARGS=\"...\" as docs/evaluation.md says"
	@echo "make base-image  the image that generated scripts run on"
	@echo "make stop        stop the embedded model and database"
	@echo "make clean       remove what was set up inside this folder"

demo: $(RUN_STAMP) docker
	@BASE_IMAGE="$$(bash tools/base-image.sh)" && export BASE_IMAGE && $(PYTHON) -m tools.demo

test: $(DEV_STAMP) docker
	@bash tools/compose-up.sh
	@bash tools/browser-up.sh
	@$(PYTHON) -m tools.embedded fetch
	BASE_IMAGE="$$(bash tools/base-image.sh)" && export BASE_IMAGE && $(PYTHON) -m pytest --cov --cov-report=term

check: lint test

unit: $(DEV_STAMP)
	$(PYTHON) -m pytest tests/unit tests/test_architecture.py -n 2

lint: $(DEV_STAMP)
	$(PYTHON) -m ruff format --check .
	$(PYTHON) -m ruff check .
	$(PYTHON) -m mypy

audit: $(DEV_STAMP)
	@$(PYTHON) -m tools.audit

lock: $(DEV_STAMP)
	@bash tools/lock.sh $(LOCK_ARGS)

bench: $(DEV_STAMP) docker
	@BASE_IMAGE="$$(bash tools/base-image.sh)" && export BASE_IMAGE && $(PYTHON) -m tools.bench

eval: $(EVAL_STAMP)
	@$(PYTHON) -m meta_agent.evaluation $(EVAL_ARGS)

base-image: docker
	@bash tools/base-image.sh

docker:
	@bash tools/docker-up.sh

stop:
	@if [ -x $(PYTHON) ]; then $(PYTHON) -m tools.embedded stop; fi

clean: stop
	rm -rf .venv .pytest_cache .mypy_cache .ruff_cache .hypothesis .coverage coverage.xml htmlcov build

$(RUN_STAMP): tools/locks/demo.txt tools/venv.sh
	@bash tools/venv.sh tools/locks/demo.txt
	@touch $@

# Holds all that the demo needs as well.
$(DEV_STAMP): tools/locks/dev.txt tools/venv.sh
	@bash tools/venv.sh tools/locks/dev.txt
	@touch $(RUN_STAMP) $@

$(EVAL_STAMP): tools/locks/eval.txt tools/venv.sh
	@bash tools/venv.sh tools/locks/eval.txt
	@touch $(RUN_STAMP) $@
