# Thin: each target is a command that a person could type. `make study` and `make test` set up all they need.
PYTHON ?= python3
BIN := .venv/bin
CONFIG ?= config.yaml
CORES ?= all
PORT ?= 5000
# a whole other study: make study CONFIG=studies/cpu.yaml
SNAKEMAKE := $(BIN)/snakemake --cores $(CORES) --configfile $(CONFIG)

# An environment names the folder that it lies in: where the project was moved or renamed, it is made anew.
PLACE := $(shell test -L .venv || cat .venv/ready 2> /dev/null)
ifneq ($(PLACE),$(if $(PLACE),$(CURDIR)))
ANEW := --clear
.PHONY: .venv/ready
endif

# Snakemake and matplotlib keep caches in HOME, which not everybody can write to: in some containers it is nobody's
ifneq ($(shell mkdir -p "$(HOME)/.cache" 2> /dev/null && test -w "$(HOME)/.cache" && echo yes),yes)
export XDG_CACHE_HOME := $(CURDIR)/.cache
export XDG_CONFIG_HOME := $(CURDIR)/.cache
endif

.PHONY: study decided test check cell report links mlflow lint format bench gpu envs watch schema docs unlock

study: .venv/ready  ## the study, from data to report
	@$(BIN)/lolameme check $(CONFIG) > /dev/null
	$(SNAKEMAKE)
	@$(BIN)/lolameme told $(CONFIG)
	@$(BIN)/lolameme where $(CONFIG)

decided: study  ## the study; while a contrast is undecided its configuration gets the seeds of the next look (looks)
	@while $(BIN)/lolameme more $(CONFIG) || { [ $$? = 3 ] && exit 0; exit 1; }; do \
	  $(MAKE) --no-print-directory study || exit 1; done

test: .venv/ready  ## all tests
	$(BIN)/pytest -n 2 --dist loadfile

check: lint  ## lint, types and the quick tests: less than a minute
	$(BIN)/pytest -q -n 2 --dist loadfile -m 'not slow' --ignore tests/workflow --ignore tests/cluster --ignore tests/tracking

unlock: .venv/ready  ## after a run that was killed: let the next one begin
	$(SNAKEMAKE) --unlock

# Weights that the study does not keep stay until its analyses have read them (--notemp), which the next run asks for.
# With REPORT=1 what depends on the cell is brought up to date as well: newer inputs alone, so that no other cell trains
cell: .venv/ready  ## train one cell again: make cell VARIANT=in_context ARCHITECTURE=hyena SEED=1 [REPORT=1]
	@target=$$($(BIN)/lolameme where $(CONFIG) --cell $(VARIANT) $(ARCHITECTURE) $(SEED)) && \
	before=$$(mktemp) && { cp "$$target" $$before 2>/dev/null || true; } && \
	$(SNAKEMAKE) --notemp --forcerun $$(dirname $$target)/model.json -- $$target && \
	$(if $(REPORT),$(SNAKEMAKE) --rerun-triggers mtime &&) \
	$(BIN)/lolameme summary $$target --before $$before && rm $$before
	$(if $(REPORT),,@echo "Tables, page and MLflow show the cell of before; REPORT=1 brings them up to date")

report: .venv/ready  ## Snakemake's own report: how every file came to be
	$(SNAKEMAKE) --report reports/provenance.html

links:  ## links of the reports into MLflow, for a server at another port: make links PORT=5001
	@for file in reports/*/mlflow.js; do [ -e $$file ] || continue; \
	  sed 's#//127\.0\.0\.1:[0-9]*/#//127.0.0.1:$(PORT)/#' $$file > $$file.part && mv $$file.part $$file; done

mlflow: .venv/ready links  ## compare runs in the browser, at http://127.0.0.1:5000, or another port: make mlflow PORT=5001
	@$(BIN)/lolameme where $(CONFIG) | sed 's/:5000/:$(PORT)/'
	@echo "Every user of this machine who opens port $(PORT) can change and delete runs; they come back with rm results/*/mlflow.json and make study"
	PYTHONSAFEPATH=1 MLFLOW_SERVER_ENABLE_JOB_EXECUTION=false $(BIN)/mlflow server --host 127.0.0.1 --port $(PORT) --workers 1 \
	  --backend-store-uri sqlite:///results/mlflow.db

watch: .venv/ready  ## a table of the running cells
	$(BIN)/lolameme watch $(CONFIG)

lint: .venv/ready  ## ruff, types, snakefmt and snakemake's own linter
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/snakefmt --check Snakefile workflow/rules
	$(BIN)/snakemake --lint

format: .venv/ready
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	$(BIN)/snakefmt Snakefile workflow/rules

bench: .venv/ready  ## our speed beside that of peers
	$(BIN)/python benchmarks/data.py
	$(BIN)/python benchmarks/training.py
	$(BIN)/python benchmarks/length.py
	$(BIN)/python benchmarks/cells.py
	$(BIN)/python benchmarks/together.py
	$(BIN)/python benchmarks/analyses.py
	$(BIN)/python benchmarks/plan.py

MINUTES ?= 25
DEVICE ?= cuda

gpu: .venv/ready  ## whether a GPU computes what a CPU does, and how fast: make gpu [MINUTES=25] [DEVICE=cpu]
	$(BIN)/python benchmarks/gpu.py --minutes $(MINUTES) --device $(DEVICE)

envs: .venv/ready  ## whether the conda environments of envs/ resolve, and to which versions
	$(BIN)/python envs/check.py

schema: .venv/ready  ## the JSON schema and the reference of the configuration, from its types
	$(BIN)/lolameme schema > workflow/schemas/config.schema.json
	$(BIN)/lolameme reference > docs/configuration.md

docs: .venv/ready  ## the documentation as a site; a link that leads nowhere is refused
	$(BIN)/sphinx-build -q -W --keep-going -c docs . docs/_build
	@echo "docs/_build/README.html"

# torch first: with it in place nothing else can bring in another build
.venv/ready: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "$(PYTHON) is older than Python 3.11; name another: make study PYTHON=python3.11"; exit 1; }
	@echo "Installing into .venv: some 2 minutes and 2.3 GB, once"
	$(PYTHON) -m venv $(ANEW) .venv
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt torch
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@echo "$(CURDIR)" > $@
