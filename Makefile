# `make benchmark` and `make test` do all the set-up themselves: a virtual environment in .venv, and genolift in it.
# Another interpreter: make PYTHON=/usr/bin/python3.12 test

# The first Python that is new enough and can make virtual environments.
PYTHON ?= $(shell for python in python3 python3.13 python3.12 python3.11; do \
  $$python -c 'import sys, ensurepip, venv; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$python && break; done)
VENV := .venv
BIN := $(VENV)/bin
OUT ?= benchmark
ARCHITECTURES ?= 2000

.PHONY: benchmark test docs tables fuzz oldest newest clean
.DELETE_ON_ERROR:

benchmark: $(VENV)/installed
	$(BIN)/genolift benchmark simulations/tal_gata.toml --out $(OUT)

# Tests trace models, which one process does on one core; those of a file share theirs.
test: $(VENV)/installed-for-tests
	$(BIN)/python -m pytest --numprocesses auto --maxprocesses 4 --dist loadfile

# The site, in docs/_build/html. A notebook is run anew only if its code has changed.
docs: $(VENV)/installed-for-docs
	$(BIN)/python -m sphinx -W --keep-going -q -b html docs docs/_build/html
	@echo "docs/_build/html/index.html"

# The pages that are made from the code, which takes minutes.
tables: $(VENV)/installed-for-tests
	for page in docs/make_*.py; do $(BIN)/python $$page || exit 1; done

# Hours: every layer, rule and spelling in a model of its own, and ARCHITECTURES random networks.
fuzz: $(VENV)/installed-for-tests
	$(BIN)/python -m pytest -m exhaustive
	GENOLIFT_FUZZ=$(ARCHITECTURES) $(BIN)/python -m pytest tests/engine/networks/test_fuzz.py -k test_random_architectures

# Some tests with the oldest packages that setup.cfg allows, on the oldest Python, in .venv-oldest.
OLDEST ?= python3.11
oldest:
	@$(OLDEST) -c 'import ensurepip, sys, venv; sys.exit(sys.version_info[:2] != (3, 11))' 2>/dev/null || { \
	  echo "there is no $(OLDEST) that is Python 3.11 and can make virtual environments; on Debian 12: apt-get install" \
	    "python3.11 python3.11-venv; or name one: make OLDEST=/path/to/python3.11 oldest" >&2; exit 1; }
	$(OLDEST) .ci/bounds.py oldest

# The same with the newest packages, in .venv-newest.
newest:
	$(or $(PYTHON),$(error no Python 3.11 or later; name one: make PYTHON=/path/to/python3.12)) .ci/bounds.py newest

clean:
	rm -rf $(VENV) .venv-oldest .venv-newest

$(VENV)/made:
	@if [ -z "$(PYTHON)" ]; then \
	  if python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then \
	    echo "python3 cannot make virtual environments; on Debian and Ubuntu: apt-get install python3-venv" >&2; \
	  else \
	    echo "genolift needs Python 3.11 or later, and found none (name one: make PYTHON=/path/to/python3.12)" >&2; \
	  fi; exit 1; fi
	"$(PYTHON)" -m venv --clear $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	@touch $@

$(VENV)/installed: $(VENV)/made setup.cfg pyproject.toml
	@echo "Installing genolift and what it needs into $(VENV); TensorFlow takes a minute or two."
	PYTHONWARNINGS=ignore $(BIN)/python -m pip install --quiet --editable .
	@touch $@

$(VENV)/installed-for-docs: $(VENV)/installed
	PYTHONWARNINGS=ignore $(BIN)/python -m pip install --quiet --editable '.[docs]'
	@touch $@

$(VENV)/installed-for-tests: $(VENV)/installed
	PYTHONWARNINGS=ignore $(BIN)/python -m pip install --quiet --editable '.[test]'
	@touch $@
