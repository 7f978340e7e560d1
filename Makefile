# Everything Horizon needs on a fresh Debian 12 machine: "make demo" to see it, "make test" to
# check it. PYTHON chooses the interpreter of .venv: make setup PYTHON=python3.12

VENV := .venv
BIN := $(VENV)/bin
PYTHON ?=
ARGS ?=
PYTEST := $(BIN)/python -m pytest -ra

.DEFAULT_GOAL := help
.PHONY: help setup demo test test-fast test-unit run bench experiments lint router-lab xen-lab xen-lab-stop xen-cap bridge-wheel docs dist package-test clean page

help: ## show this list
	@sed -n 's/^\([a-z-]*\):[^#]*## /\1|/p' $(MAKEFILE_LIST) | \
	    while IFS='|' read -r name text; do printf '  make %-13s %s\n' "$$name" "$$text"; done

setup: ## install system packages (as root) and .venv with Horizon and its test tools
	@PYTHON='$(PYTHON)' VENV='$(VENV)' tools/setup.sh

demo: setup ## show it all on real switches, in under 90 seconds
	@$(BIN)/python -m tools.demo $(ARGS)

# In lanes, side by side; what measures shares of processors comes after them (tools/lanes.py).
test: setup ## run all tests: unit, integration, fuzz, real Xen
	@exec $(BIN)/python -m tools.lanes $(ARGS)

test-fast: setup ## the tests without the Xen lab and whatever else is slow
	@$(PYTEST) -m 'not slow' $(ARGS)

test-unit: setup ## run the unit tests only (no root, no switches)
	@$(PYTEST) tests/unit $(ARGS)

run: setup ## controller with all applications, REST on http://127.0.0.1:8080
	@$(BIN)/ryu-manager horizon_ryu.bundle --wsapi-host 127.0.0.1 --wsapi-port 8080 $(ARGS)

bench: setup ## measure Horizon against Ryu's own applications
	@PYTHONPATH=tests:. $(BIN)/python tests/bench/run.py $(ARGS)

lint: setup ## ruff and strict mypy; biome and types of the page, where Node is
	@$(BIN)/ruff check .
	@$(BIN)/mypy horizon_client horizon_ryu xen_bridge tools topologies experiments
	@tools/lint_page.sh

router-lab: setup ## two hosts and a router that moves, as network namespaces (as root)
	@exec $(BIN)/python -m tools.router_lab

xen-lab: setup ## two real Xen hosts on this machine (as root; some minutes the first time)
	@$(BIN)/python -m topologies.lab start

xen-lab-stop: ## switch the Xen hosts off
	@$(BIN)/python -m topologies.lab stop

experiments: setup ## the report's experiments: data, plots and a page (ARGS=--quick: 3 minutes)
	@$(BIN)/horizonctl experiment run $(ARGS)

xen-cap: setup ## the report's cap experiment (Fig. 2.4) on real Xen
	@$(BIN)/horizonctl experiment run cap weight $(ARGS)

bridge-wheel: setup ## dist/xen_bridge-*.whl, for a Domain 0 or a virtual router
	@$(BIN)/python -m tools.bridge_wheel

page: ## build the web page into horizon_ryu/page (Node 18 or newer)
	@tools/build_page.sh

docs: setup ## the documentation as pages, in docs/_build/html
	@$(BIN)/python -m sphinx --fail-on-warning --keep-going -q -b html docs docs/_build/html
	@echo docs/_build/html/index.html

dist: setup ## wheels, source archive and Debian package, in dist/
	@$(BIN)/python -m tools.packaging

package-test: dist ## dist/*.deb in an empty Debian 12 that boots (as root; minutes the first time)
	@$(BIN)/python -m tools.packaging.trial $(ARGS)

clean: ## remove everything that setup and the tests made
	rm -rf $(VENV) .xen-lab .test-lanes build dist docs/_build *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
