# The two commands are `make run` and `make test`. Each sets up what is missing and says what it does.

CARGO_FLAGS := --locked
TARGET := $(or $(CARGO_TARGET_DIR),target)
SERVER := $(TARGET)/debug/sandboxed-sh
export SANDBOXED_SH_PLUGIN_DIR ?= $(abspath target/plugins)

.PHONY: run test lint build dashboard plugins test-guests bench release clean help

help:
	@echo 'make run [ARGS="serve --listen 127.0.0.1:8080"]  build everything and start the server'
	@echo 'make test                                      set up and pass every test'
	@echo 'make lint                                      formatting, clippy, licences, generated files'
	@echo 'make bench                                     the figures of docs/performance.md'
	@echo 'make release                                   an optimised binary in target/release'

run: build
	@scripts/toolchain.sh run || true
	@exec $(SERVER) $(or $(ARGS),serve)

test:
	@exec scripts/test.sh

lint:
	@exec scripts/lint.sh

bench:
	@exec scripts/bench.sh

build: plugins dashboard
	cargo build $(CARGO_FLAGS) --package sandboxed-sh

dashboard:
	@scripts/dashboard.sh build

plugins:
	@scripts/toolchain.sh guests
	@scripts/guests.sh build plugins target/plugins

test-guests:
	@scripts/toolchain.sh guests
	@scripts/guests.sh build tests/guests target/guests-tests/wasm

release: plugins dashboard
	cargo build $(CARGO_FLAGS) --release --package sandboxed-sh

clean:
	rm -rf target
