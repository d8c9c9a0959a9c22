# `make demo` and `make test` are README's two commands; both install first.

PYTHON ?= python3
VENV := .venv
RUN := $(VENV)/bin/python
MARK ?= not slow and not gpu
DEMO_STEPS ?= 5M

.PHONY: install clients demo test check bench clean

install: $(VENV)/.installed

$(VENV)/.installed: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed; `make PYTHON=python3.12 …` names one.") if sys.version_info < (3, 11) else None'
	$(PYTHON) -m venv $(VENV)
	$(RUN) -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	$(RUN) -m pip check
	@cp constraints.txt $@

# The real clients that tests drive. Without Node those tests are skipped.
clients: .clients/.installed

.clients/.installed: tests/clients/package.json
	@mkdir -p .clients
	cp tests/clients/package.json .clients/
	npm install --prefix .clients --no-audit --no-fund --silent
	@touch $@

demo: install
	bin/train ppo --run-id demo --steps $(DEMO_STEPS)
	bin/train wait demo --timeout 3600
	bin/train status

test: install
	$(RUN) -m pytest -m '$(MARK)'

check: install
	$(RUN) -m ruff check .
	$(RUN) -m ruff format --check .
	$(RUN) -m mypy
	$(VENV)/bin/lint-imports

bench: install
	$(RUN) -m benchmarks.sim --worlds 256 --json
	$(RUN) -m benchmarks.sim --suite --json
	$(RUN) -m benchmarks.convert --json
	$(RUN) -m benchmarks.ppo --json
	$(RUN) -m benchmarks.ppo --tracking --rollouts 16 --json
	$(RUN) -m benchmarks.status --runs 10000 --json
	$(RUN) -m benchmarks.status --logs --json
	$(RUN) -m benchmarks.mcp --json
	$(RUN) -m benchmarks.faults --json

clean:
	rm -rf $(VENV) .clients .mypy_cache .pytest_cache .ruff_cache
