# Every target makes .venv first where it is missing: with uv if there is one, else python -m venv.
VENV := .venv
PYTHON := $(VENV)/bin/python
READY := $(VENV)/.ready
PYTHON3 ?= python3

.PHONY: help demo test lint bench web compiled plain lock clean

help:
	@echo "make demo      all systems at work, in a browser; DEMO=--headless looks by itself"
	@echo "make test      ruff, mypy --strict, and the tests"
	@echo "make lint      ruff and mypy --strict only"
	@echo "make bench     every benchmark, each against its peer or the bare limit"
	@echo "make web       the web application, built anew from its sources"
	@echo "make compiled  compile the hot modules with mypyc; make plain undoes it"

$(READY): pyproject.toml requirements.lock
	@if command -v uv >/dev/null; then \
	  uv venv --quiet --allow-existing --python '>=3.11' $(VENV) && \
	  uv pip install --quiet --python $(PYTHON) -r requirements.lock && \
	  uv pip install --quiet --python $(PYTHON) --no-deps -e . ; \
	else \
	  $(PYTHON3) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "refold needs Python 3.11 or later: make PYTHON3=/path/to/python3 ...")' && \
	  $(PYTHON3) -m venv $(VENV) && \
	  $(PYTHON) -m pip install --quiet --disable-pip-version-check -r requirements.lock && \
	  $(PYTHON) -m pip install --quiet --disable-pip-version-check --no-deps -e . ; \
	fi
	@touch $(READY)

demo: $(READY)
	@rm -rf .demo
	@$(VENV)/bin/refold demo --log .demo $(DEMO)

lint: $(READY)
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy

test: lint
	$(PYTHON) -m pytest -n auto

bench: $(READY)
	$(PYTHON) -m bench

# What is served is committed: only who changes the pages needs Node.
web: $(READY)
	$(VENV)/bin/refold openapi > gateway/web/openapi.json
	cd gateway/web && npm ci --silent --no-audit --no-fund && npm run types && npm run check && npm run build

# The hot modules, compiled in place beside their sources; Python then imports the compiled ones.
HOT := $(addprefix processors/markets/exchange/, price_index.py instrument.py draws.py accounts.py \
         order.py triggers.py auction.py market.py order_book.py admission.py matching.py trading.py \
         guard.py state.py waiting.py standings.py order_facts.py decider.py) \
       $(addprefix processors/core/, fold.py timers.py task.py)

compiled: $(READY)
	$(PYTHON) -c 'import sys; from mypyc.build import mypycify; from setuptools import setup; \
	  setup(name="refold", packages=[], py_modules=[], script_args=["--quiet", "build_ext", "--inplace"], \
	  ext_modules=mypycify(sys.argv[1:], opt_level="3"))' $(HOT)

plain:
	rm -rf build *__mypyc.*.so *__mypyc.*.pyd $(HOT:.py=.*.so) $(HOT:.py=.*.pyd)

lock:
	uv pip compile --quiet --universal --all-extras --no-header --no-annotate pyproject.toml -o requirements.lock

clean:
	rm -rf $(VENV) .demo build .mypy_cache .pytest_cache .ruff_cache .hypothesis
