# The front door: each target installs what it needs, then calls the tool that does the work.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help deps build package test check fuzz simulate bench demo format clean

# Objects of one checkout serve the next one, wherever it lies.
export CCACHE_BASEDIR := $(CURDIR)
export CCACHE_NOHASHDIR := 1

JOBS ?= $(shell nproc)
FUZZ_SECONDS ?= 600
SIMULATE_MINUTES ?= 60

help:  ## print this list
	@grep -hE '^[a-z]+:.*## ' Makefile | sed -E 's/^([a-z]+):.*## /\1\t/' | \
	  while IFS=$$'\t' read -r name text; do printf '  make %-8s %s\n' "$$name" "$$text"; done

deps:  ## install what building, testing and checking need (Debian 12; root or sudo)
	@tools/deps build test check demo

build:  ## the program, optimised: build/release/reprieve
	@tools/deps --quiet build
	@cmake --preset release >/dev/null
	@cmake --build build/release -j $(JOBS) --target reprieve
	@echo "built build/release/reprieve"

package: build  ## the Debian package: build/reprieve_VERSION_ARCHITECTURE.deb
	@tools/deps --quiet package
	@tools/package

test: build  ## every suite: unit, conformance, integration (with sanitizers), end to end
	@tools/deps --quiet test
	@cmake --preset dev -DREPRIEVE_E2E_PROGRAM=$(CURDIR)/build/release/reprieve >/dev/null
	@cmake --build build/dev -j $(JOBS)
	@ctest --test-dir build/dev -j $(JOBS) --output-on-failure --no-tests=error --no-label-summary

check:  ## all that CI asks beside the tests: format, lint, tidy, tsan, fuzz, simulate (short)
	@tools/check

fuzz:  ## every fuzz target for FUZZ_SECONDS (600)
	@tools/deps --quiet build check
	@tools/fuzz $(FUZZ_SECONDS)

simulate:  ## writers and collectors over a failing store, new seeds for SIMULATE_MINUTES (60)
	@tools/deps --quiet build
	@JOBS=$(JOBS) tools/simulate --minutes $(SIMULATE_MINUTES)

bench: build  ## against the peers, on this machine
	@tools/deps --quiet bench
	@bench/run

demo: build  ## a disaster and its recovery, on this machine
	@tools/deps --quiet demo
	@demo/run

format:  ## format every C++ file in place
	@tools/deps --quiet check
	@tools/format

clean:  ## remove build/
	@rm -rf build
