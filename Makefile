# The two commands: `make run` and `make test`. Each sets up all it needs from a bare clone.
PYTHON ?= python3
BIN := .venv/bin
INSTALLED := .venv/.installed
BENCH := .venv/.bench

.PHONY: run test coverage install dev lint format docs torture clean

run: install
	@$(BIN)/braid run document_review

test: install
	@$(BIN)/python -m pytest -q -n 2 --dist loadfile

coverage: install
	@$(BIN)/python -m pytest -q -n 2 --dist loadfile --cov

# make torture DB=postgresql KILLS=100 SEED=7 MINUTES=10, or SEED=17 TRIALS=1 for one trial again
torture: install
	@$(BIN)/python tests/torture.py --db $(or $(DB),sqlite) --seed $(or $(SEED),1) \
		$(if $(KILLS),--kills $(KILLS)) $(if $(TRIALS),--trials $(TRIALS)) \
		$(if $(MINUTES),--minutes $(MINUTES)) $(if $(OUT),--out $(OUT))

# About a quarter of an hour, in which the machine should do nothing else.
bench: $(BENCH)
	@$(BIN)/python -m benchmarks; status=$$?; $(BIN)/python docs/generate.py && exit $$status

$(BENCH): $(INSTALLED)
	@echo "Installing the peers into .venv ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[bench]'
	@touch $(BENCH)

lint: install
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy

format: install
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

dev: install
	@$(BIN)/langgraph dev --host 127.0.0.1 --n-jobs-per-worker 10

docs: install
	@$(BIN)/python docs/generate.py

install: $(INSTALLED)

$(INSTALLED): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Braid needs Python 3.11 or newer; this is %d.%d. Name another: make PYTHON=python3.12" % sys.version_info[:2])'
	@echo "Setting up .venv (once, about a minute) ..."
	@$(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev,postgres,images,validation,dask]'
	@touch $(INSTALLED)

clean:
	rm -rf .venv build *.egg-info .mypy_cache .pytest_cache .ruff_cache .hypothesis
