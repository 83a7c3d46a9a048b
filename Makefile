# What one does with Sluice. `make help` lists it.
SHELL := /bin/bash

# A hung test must not hang the build for ever.
TEST_SECONDS ?= 2700
SWIFT_SOURCES = $(wildcard Package.swift Sources Tests Benchmarks)
RELEASE = -c release --static-swift-stdlib

.PHONY: help run build test test-drivers test-browser test-alerts lint format fuzz sanitize \
  sanitize-thread sanitize-address bench clean dependencies

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: dependencies ## run Sluice in front of a throw-away PostgreSQL, or PGHOST=, or with CONFIG=
	@CONFIG='$(CONFIG)' scripts/run

build: dependencies ## build the release binary
	swift build $(RELEASE) --product sluice
	@echo "built $$(swift build $(RELEASE) --show-bin-path)/sluice"

test: dependencies lint ## unit, integration and tidy tests, and the formatter's lint
	@set -euo pipefail; \
	SLUICE_PG18_BIN=$$(scripts/install-postgresql-18); export SLUICE_PG18_BIN; \
	SLUICE_EXPORTER=$$(scripts/install-exporter); export SLUICE_EXPORTER; \
	SLUICE_PROMETHEUS=$$(scripts/install-prometheus); export SLUICE_PROMETHEUS; \
	SLUICE_SQLALCHEMY=$$(scripts/install-sqlalchemy); export SLUICE_SQLALCHEMY; \
	SLUICE_BROWSER=$$(scripts/install-browser); export SLUICE_BROWSER; \
	echo "building the tests"; \
	swift build --build-tests </dev/null; \
	timeout --foreground $(TEST_SECONDS) swift test --skip-build </dev/null

test-drivers: dependencies ## common drivers through Sluice, with the results of PostgreSQL alone?
	scripts/install-drivers
	swift build --product sluice </dev/null
	Tests/Drivers/run $(DRIVER_OPTIONS)

test-browser: dependencies ## the dashboard in headless Chromium, with a picture of each state
	@set -euo pipefail; \
	python=$$(scripts/install-browser); [ -n "$$python" ] || exit 1; \
	swift build --product sluice </dev/null; \
	"$$python" Tests/Monitoring/browser --pictures .build-browser/pictures $(BROWSER_OPTIONS)

test-alerts: dependencies ## each alert is caused, and fires in a real Prometheus
	@set -euo pipefail; \
	SLUICE_PROMETHEUS=$$(scripts/install-prometheus); export SLUICE_PROMETHEUS; \
	[ -n "$$SLUICE_PROMETHEUS" ] || exit 1; \
	swift build --product sluice </dev/null; \
	Tests/Monitoring/alerts $(ALERT_OPTIONS)

lint: ## check the formatting
	swift format lint --strict --parallel --recursive $(SWIFT_SOURCES)

format: ## format the sources in place
	swift format --in-place --parallel --recursive $(SWIFT_SOURCES)

sanitize: dependencies sanitize-thread sanitize-address ## integration tests under two sanitizers

sanitize-thread sanitize-address: sanitize-%:
	@set -euo pipefail; \
	SLUICE_PG18_BIN=$$(scripts/install-postgresql-18); export SLUICE_PG18_BIN; \
	export SLUICE_SANITIZER=$*; \
	export LSAN_OPTIONS=suppressions=$$PWD/scripts/lsan-suppressions; \
	scratch=.build-$(if $(filter thread,$*),tsan,asan); \
	flags="--sanitize=$* --scratch-path $$scratch"; \
	[ $* = address ] || flags+=" -Xswiftc -DTHREAD_SANITIZER"; \
	swift build --build-tests $$flags </dev/null; \
	timeout --foreground $(TEST_SECONDS) swift test --skip-build $$flags \
	  --filter IntegrationTests </dev/null

fuzz: dependencies ## run each fuzzer for FUZZ_SECONDS=60, or those in FUZZ_TARGETS
	@scripts/fuzz $(FUZZ_TARGETS)

bench: dependencies ## compare with PgBouncer and with PostgreSQL alone; writes a report
	Benchmarks/compare

clean: ## remove what was built
	rm -rf .build .build-* Benchmarks/.build

dependencies:
	@scripts/install-dependencies
