# make run      start Graft (make run PORT=8600, make run ADDRESS=0.0.0.0, make run GPU=1)
# make test     unit tests, a test of every page, and the main paths in headless Chromium
# make test-fast  the tests that start no worker, no Keras and no browser
# make soak     tests that take minutes: 25 data sets from file to export and back, every page of an old workspace
# make check    ruff, mypy, import-linter
# make docs     write docs/reference anew from the code
# make bench    run the benchmarks and write benchmarks/RESULTS.md (make bench ONLY=folding)
# make lock     take the newest libraries that the requirements allow, and keep their exact versions

PYTHON ?= python3
PORT ?= 8501
ADDRESS ?= localhost
VENV := .venv
BIN := $(VENV)/bin
# The requirements say what Graft needs, the lock file in which versions it was tested, all that they need included.
INSTALL := $(BIN)/pip install --quiet --disable-pip-version-check -c requirements.lock
FLAVOUR := $(if $(GPU),gpu,cpu)

# A file's tests stay in one process, since they share what they have trained. CI tells what took longest.
PYTEST := $(BIN)/python -m pytest -q -n $(or $(JOBS),2) --dist loadfile $(if $(filter true,$(CI)),--durations=25)
FAST := not training and not browser and not soak

.PHONY: run test test-fast soak check docs bench lock chromium clean

run: $(VENV)/.ready-$(FLAVOUR)
	@$(BIN)/python -m core serve --port $(PORT) --address $(ADDRESS)

# The fast ones first and by themselves: none of them may find Keras loaded already. The browser has both cores.
test: test-fast chromium
	$(PYTEST) -m "training and not browser and not soak"
	$(BIN)/python -m pytest -q -m browser $(if $(filter true,$(CI)),--durations=25)

test-fast: $(VENV)/.ready-dev
	$(PYTEST) -m "$(FAST)"

soak: $(VENV)/.ready-dev
	$(PYTEST) -m soak

check: $(VENV)/.ready-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

docs: $(VENV)/.ready-cpu
	$(BIN)/python -m docs.generate

bench: $(VENV)/.ready-dev
	$(BIN)/python -m benchmarks $(ONLY)

lock: $(BIN)/pip
	$(BIN)/pip install --quiet --disable-pip-version-check --upgrade --upgrade-strategy eager -r requirements-dev.txt
	@echo '# Exact versions of all that requirements-dev.txt installs. Written by `make lock`; do not edit.' > requirements.lock
	$(BIN)/pip freeze --all | grep -viE '^(pip|setuptools)==' >> requirements.lock

# Debian keeps what makes virtual environments in a package of its own.
$(BIN)/pip:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "Graft needs Python 3.11 or newer; $(PYTHON) is older. Try: make $(MAKECMDGOALS) PYTHON=python3.12"; exit 1; }
	@$(PYTHON) -m venv $(VENV) > /dev/null 2>&1 \
	  || { apt-get update -qq && apt-get install -y -qq python3-venv && $(PYTHON) -m venv --clear $(VENV); } \
	  || { echo "This Python cannot make virtual environments. Run: apt-get install python3-venv"; exit 1; }

$(VENV)/.ready-cpu: requirements.txt requirements.lock $(BIN)/pip
	$(INSTALL) -r requirements.txt
	@touch $@

$(VENV)/.ready-gpu: requirements.txt requirements.lock $(BIN)/pip
	sed 's/^tensorflow==/tensorflow[and-cuda]==/' requirements.txt > $(VENV)/requirements-gpu.txt
	$(INSTALL) -r $(VENV)/requirements-gpu.txt
	@touch $@ $(VENV)/.ready-cpu

$(VENV)/.ready-dev: requirements-dev.txt requirements-ray.txt $(VENV)/.ready-cpu
	$(INSTALL) -r requirements-dev.txt
	@touch $@

# The browser tests say what is missing when this fails.
chromium:
	@command -v chromium > /dev/null \
	  || { apt-get update -qq && apt-get install -y -qq chromium > /dev/null; } \
	  || echo "Chromium could not be installed. Run: apt-get install chromium"

clean:
	rm -rf $(VENV)
