# Every command of the workbench. `make` lists them. Nothing is needed but Python >= 3.11 and make; npm is optional.
#
# PYTHON=python3.12 make test     chooses the interpreter (.venv is made again when it changes)
# VENV=/elsewhere make test       keeps the environment elsewhere

VENV ?= .venv
BIN := $(VENV)/bin
RUN := $(BIN)/python
export PYTHON

# Replay: which day, how many times faster than the wall, how many of its orders.
SPEED ?= 60
ORDERS ?= 60

# Dispatch: whether preparation times are known or predicted, how many processes.
PREP ?= known
JOBS ?= 1

# Tests: processes (one more than processors: many wait; 0: in this one), and what else to tell pytest.
WORKERS ?= $(shell expr `getconf _NPROCESSORS_ONLN` + 1)
PYTEST_ARGS ?=

# Packaging and deploying: which stage.
STAGE ?= dev

# Load and soak: how many customers, how long (MINUTES where it is given).
USERS ?= 50
SECONDS ?= 60
MINUTES ?=

# Histories: how many, and (SEED=…) the same ones again.
N ?= 2000
SEED ?=

# Further arguments of run, replay and the benchmarks.
ARGS ?=

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: audit backfill help venv run test histories apportionment nightly replay trace bench-orders bench-races \
	bench-imports bench-counts bench-cost bench-growth bench-dispatch bench-decisions load soak openapi \
	package deploy format format-check lint types walls sizes openapi-check growth-check check hooks \
	clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

venv: ## the environment in .venv, made or brought up to date
	@.ci/venv $(VENV)

run: venv ## the whole of Doorstep on this machine, with a demo order; Ctrl-C stops it
	@$(RUN) -m infra.local.run $(ARGS)

test: venv ## the tests (WORKERS=0 for one process, PYTEST_ARGS="-k order")
	$(RUN) -m pytest -n $(WORKERS) --dist worksteal $(PYTEST_ARGS)

histories: venv ## random histories of orders, other ones each time (N=2000, SEED=1 to play some again)
	DOORSTEP_HISTORIES=$(N) DOORSTEP_SEED=$(SEED) $(RUN) -m pytest -s -n $(WORKERS) tests/payments/histories $(PYTEST_ARGS)

apportionment: venv ## 100,000 random orders, refunded in any split
	DOORSTEP_ORDERS=100000 $(RUN) -m pytest -s -n $(WORKERS) tests/payments/test_apportionment.py $(PYTEST_ARGS)

nightly: apportionment histories ## what takes too long for every commit

replay: venv ## a recorded day: INSTANCE=<dir> SPEED=60 ORDERS=60
	@test -n "$(INSTANCE)" || { echo "usage: make replay INSTANCE=<dir> [SPEED=60] [ORDERS=60]" >&2; exit 2; }
	@$(RUN) -m infra.local.replay --instance "$(INSTANCE)" --speed "$(SPEED)" --orders "$(ORDERS)" $(ARGS)

backfill: venv ## bring all items of a row up to today's schema: DO=start|run|status|pause|resume OF=<row or job>
	@test -n "$(OF)" || { echo "usage: make backfill DO=start|run|status|pause|resume OF=<row or job>" >&2; exit 2; }
	@$(RUN) -m infra.backfill "$(or $(DO),status)" "$(OF)" $(ARGS)

trace: venv ## what every process of the local stack logged about an order: ORDER=ord_…
	@test -n "$(ORDER)" || { echo "usage: make trace ORDER=ord_…" >&2; exit 2; }
	@$(RUN) -m infra.local.trace "$(ORDER)" $(ARGS)

bench-orders: venv ## orders a second with 1 and 8 clients, and the CPU that they cost
	$(RUN) -m benchmarks.orders $(ARGS)

bench-races: venv ## the last ten pieces and one order sent twenty times, over two API processes
	$(RUN) -m benchmarks.stock_race $(ARGS)

bench-imports: venv ## what importing the app adds to a cold start
	$(RUN) -m benchmarks.cold_import --check $(ARGS)

bench-counts: venv ## requests, units and invocations of every use case, against what they may cost
	$(RUN) -m benchmarks.counts --check $(ARGS)

bench-cost: venv ## 1,000 delivered orders at AWS list price, by service, from counted work
	$(RUN) -m benchmarks.cost $(ARGS)

bench-growth: venv ## requests and units of the use cases as stores, menus and histories grow (ARGS=--check: small)
	$(RUN) -m benchmarks.growth $(ARGS)

load: venv ## a crowd on a local stack, its rates and latencies: USERS=50 SECONDS=60
	@$(RUN) -m benchmarks.load --users "$(USERS)" --seconds "$(if $(MINUTES),$$(($(MINUTES) * 60)),$(SECONDS))" $(ARGS)

soak: venv ## orders while everything breaks, one fault after the other: MINUTES=10; writes soak-report.json
	$(RUN) -m tests.faults.soak --minutes "$(or $(MINUTES),10)" $(ARGS)
bench-dispatch: venv ## recorded days dispatched: INSTANCES=<dir> OUT=<dir> [PREP=predicted] [REAL=1] [JOBS=n]
	@test -n "$(INSTANCES)" -a -n "$(OUT)" || { \
		echo "usage: make bench-dispatch INSTANCES=<dir> OUT=<dir> [PREP=predicted] [REAL=1] [JOBS=n]" >&2; exit 2; }
	@$(RUN) -m benchmarks.dispatch --instances "$(INSTANCES)" --out "$(OUT)" --prep "$(PREP)" --jobs "$(JOBS)" \
		$(if $(REAL),--real) $(ARGS)

bench-decisions: venv ## how long one decision takes, with 100 deliveries and 200 riders, and with twice as many
	$(RUN) -m benchmarks.dispatch.latency --check $(ARGS)

openapi: venv ## docs/openapi.json, from the routes and schemas
	$(RUN) -m chalicelib.edge.openapi > docs/openapi.json.new
	@mv docs/openapi.json.new docs/openapi.json

package: venv ## templates and zip for AWS, checked: STAGE=dev
	@$(RUN) -m infra.package --stage "$(STAGE)" $(ARGS)

deploy: package ## to AWS: STAGE=dev BUCKET=<for the zip>; both stacks, the state first
	@test -n "$(BUCKET)" || { echo "usage: make deploy STAGE=dev BUCKET=<bucket>" >&2; exit 2; }
	@.ci/deploy "$(STAGE)" "$(BUCKET)"

format: venv ## put the code into its format and fix what ruff can
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

format-check: venv
	$(BIN)/ruff format --check .

lint: venv
	$(BIN)/ruff check .

types: venv
	$(BIN)/mypy

walls: venv ## who may import whom
	$(BIN)/lint-imports --no-logo

sizes:
	.ci/sizes

openapi-check: venv
	@$(RUN) -m chalicelib.edge.openapi | diff -u docs/openapi.json - || { \
		echo "docs/openapi.json is not what the code serves: make openapi, and commit it" >&2; exit 1; }

audit: venv ## what is known to be unsafe: our code by bandit, pinned versions by pip-audit
	@.ci/audit $(BIN)

growth-check: venv ## the same, small: fails where a use case costs more with more data
	$(RUN) -m benchmarks.growth --check

check: format-check lint types walls sizes audit openapi-check test bench-counts growth-check ## all that CI runs

hooks: venv ## ruff, mypy and the walls before every commit
	$(BIN)/pre-commit install

clean: ## remove the environment, caches and the local stack's data
	rm -rf $(VENV) .local .chalice/deployments build dist packaged .coverage
	rm -rf .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis .schemathesis
	find app.py chalicelib infra tests benchmarks -name __pycache__ -type d -prune -exec rm -rf {} + 2>/dev/null || true
