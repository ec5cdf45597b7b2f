# `make demo` goes from a bare clone to findings on generated logs; `make test` runs the tests; `make` alone lists the rest.
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.NOTPARALLEL:
.PHONY: help env java demo build docs server stop check test test-faults reliability test-spark test-matrix test-cluster test-azure test-lake lake-notebook lint audit lock clean FORCE

# Everything that the demo makes, apart from the tables and findings of real logs.
DEMO := output/demo
SAMPLE_OPTIONS := --end-date 2026-09-30 --days 4 --rows-per-day 20000 --seed 7
RAW_ROOT = $(patsubst %/,%,$(dir $(shell find $(DEMO)/sample -type d -name 'y=*' 2>/dev/null | head -n 1)))
VARS = {raw_root: "$(RAW_ROOT)", end_date: 2026-09-30, lookback_days: 3, device_vendor: [Fortinet, Palo Alto Networks], export_root: $(DEMO)/export}
DBT := .venv/bin/dbt
# A second Spark, which PYTHONPATH puts before the one in .venv.
SPARK4 := $(CURDIR)/output/spark4
SECOND_SPARK := pyspark==4.1.4
# What notebooks in the Sentinel data lake have, of the same kind.
SPARK34 := $(CURDIR)/output/spark34
LAKE_PACKAGES := pyspark==3.4.4 matplotlib
# What test-spark and test-matrix run.
TESTS := tests/pipeline tests/bench

# Settings of the shell for another Spark, Python or dbt must not reach this project.
unexport SPARK_HOME SPARK_CONF_DIR SPARK_REMOTE PYTHONPATH PYTHONHOME DBT_TARGET TEST_ENGINE
# Settings of a real push must not reach the demo.
unexport $(filter ENRICH_%,$(.VARIABLES))
export DBT_PROFILES_DIR := $(CURDIR)
# The demo's tables stay apart from those of real logs.
OUTPUT := $(or $(BEACONING_OUTPUT),$(CURDIR)/output)
export BEACONING_OUTPUT := $(CURDIR)/$(DEMO)
export PYTHON NO_SYSTEM_JAVA

help:  ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-13s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

env:  ## make .venv (PYTHON=python3.11 to choose) and profiles.yml
	@scripts/environment.sh

java: env  ## find a Java 17 for Apache Spark (JAVA_HOME=… to choose, NO_SYSTEM_JAVA=1: the one that pip installs)
	@JAVA_REQUIRED=$(if $(filter command,$(firstword $(origin JAVA_HOME))),1) scripts/java.sh

# The demo uses local sources only: it asks nothing over the network and pushes nothing.
demo: build docs  ## generate sample logs, hunt in them, look up the findings, draw the report
	@.venv/bin/python -m samples.lookup_sources $(DEMO)/sources
	@.venv/bin/python -m enrich run $(DEMO)/export --config $(DEMO)/sources/enrich.toml
	@printf '%s\n' '' 'Report      $(DEMO)/export/report.html: open it in a browser' \
		'Findings    $(DEMO)/export/network_beaconing_anomalies' 'Docs        target/static_index.html' \
		'Raw logs    $(DEMO)/sample, with what was planted in truth.json'

build: $(DEMO)/sample/truth.json | env
	$(DBT) build --target local --vars '$(VARS)'

docs: target/static_index.html  ## write the docs and lineage as one page

target/static_index.html: dbt_project.yml $(shell find models macros seeds tests -type f -not -name '*.py' 2>/dev/null) | build
	$(DBT) --quiet docs generate --static --target local --vars '$(VARS)'

$(DEMO)/sample/truth.json: $(wildcard samples/*.py samples/*/*.py) $(DEMO)/options | env
	.venv/bin/python -m samples $(DEMO)/sample --overwrite $(SAMPLE_OPTIONS)

# This file changes only with the options, so that new options make new logs.
$(DEMO)/options: FORCE
	@mkdir -p $(DEMO)
	@echo '$(SAMPLE_OPTIONS)' | cmp -s - $@ || echo '$(SAMPLE_OPTIONS)' > $@

server: java  ## start a Spark server that stays up, for dbt … --target server; same tables as target spark
	@BEACONING_OUTPUT='$(OUTPUT)' .venv/bin/python deploy/spark/server.py start

stop:  ## stop the Spark server
	@BEACONING_OUTPUT='$(OUTPUT)' .venv/bin/python deploy/spark/server.py stop

# dbt's unit tests need existing tables, so they run after the build.
test: lint build  ## lint, then the tests that need no Java: data tests on the demo's logs, Python, pipeline, dbt's unit tests
	.venv/bin/python -m pytest
	$(DBT) test --target local --selector unit_tests --vars '$(VARS)'

test-faults: env  ## the push under 950 faults and 50 kill -9 (two minutes; make test runs a small version)
	FULL_FAULT_TEST=1 .venv/bin/python -m pytest tests/enrich/test_push_faults.py

reliability: java  ## what docs/reliability.md promises, measured: kills, mutated lines and files, faults of the push; writes the page
	.venv/bin/python -m tests.reliability

test-spark: java  ## the tests of the pipeline on Spark 3.5, and that it builds the same tables as target local (TESTS=… for some)
	TEST_ENGINE=spark .venv/bin/python -m pytest $(TESTS)

test-cluster: java  ## the whole build on a Spark cluster on this machine while a worker is killed; submitted jobs
	.venv/bin/python -m pytest tests/platforms --ignore tests/platforms/test_azure.py --ignore tests/platforms/test_connect.py

test-matrix: java  ## the same on Spark 4.1 with Delta tables and ANSI mode; target connect
	scripts/fetch.sh spark4
	TEST_ENGINE=spark PYTHONPATH=$(SPARK4) .venv/bin/python -m pytest $(TESTS)
	.venv/bin/python -m pytest tests/platforms/test_connect.py

test-azure: java  ## the whole way from logs to report over Azure storage: Spark 4.1 and enrich against Azurite
	scripts/fetch.sh spark4
	scripts/fetch.sh azurite
	PYTHONPATH=$(SPARK4) .venv/bin/python -m pytest tests/platforms/test_azure.py

test-lake: java  ## the notebook of the Sentinel data lake on Spark 3.4, over a stand-in of its tables
	scripts/fetch.sh spark34
	PYTHONPATH=$(SPARK34) MPLBACKEND=Agg .venv/bin/python -m pytest tests/lake

lake-notebook: env  ## write deploy/lake/network_beaconing.ipynb from the models
	.venv/bin/python -m deploy.lake.notebook

lint: env  ## check style and format of SQL and Python; SQL as dbt renders it
	.venv/bin/ruff check
	.venv/bin/ruff format --check
	.venv/bin/sqlfluff lint --templater dbt models tests/data

check: env  ## lint, and the tests that need no engine, in a minute or two
	.venv/bin/ruff check
	.venv/bin/ruff format --check
	.venv/bin/sqlfluff lint models tests/data
	.venv/bin/python -m pytest tests/project tests/samples tests/enrich

audit: env  ## known vulnerabilities of the locked packages and of PySpark's jars, and licences; fails where they could not be looked up
	scripts/fetch.sh audit
	.venv/bin/python scripts/audit.py output/audit/bin/pip-audit

lock:  ## resolve the extras of pyproject.toml into requirements.txt, with hashes, and other Sparks into requirements-spark4.txt and -spark34.txt
	python3 -m venv output/lock
	output/lock/bin/python -m pip install --quiet uv
	output/lock/bin/uv pip compile --quiet --upgrade --universal --python-version 3.10 --generate-hashes --no-strip-extras \
		--custom-compile-command 'make lock' --all-extras pyproject.toml --output-file requirements.txt
	echo '$(SECOND_SPARK)' | output/lock/bin/uv pip compile --quiet --universal --python-version 3.10 --generate-hashes --no-strip-extras \
		--custom-compile-command 'make lock' - --output-file requirements-spark4.txt
	printf '%s\n' $(LAKE_PACKAGES) | output/lock/bin/uv pip compile --quiet --universal --python-version 3.10 --generate-hashes --no-strip-extras \
		--custom-compile-command 'make lock' - --output-file requirements-spark34.txt
	rm -rf output/lock

clean:  ## remove what make made: .venv, the demo, docs, logs, caches, and a profiles.yml without edits
	rm -rf .venv $(DEMO) output/spark4 output/spark34 output/azurite output/audit output/azure_types target logs .pytest_cache .ruff_cache .hypothesis *.egg-info
	@find bench deploy enrich samples scripts tests -name __pycache__ -prune -exec rm -rf {} + 2>/dev/null || true
	@! cmp -s profiles.yml profiles.yml.example || rm profiles.yml
