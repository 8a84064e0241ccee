.DEFAULT_GOAL := help
E2E := tests/e2e/e2e.sh

help: ## this list
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

check: ## format and lints
	cargo fmt --check
	cargo clippy --all-targets --locked -- -D warnings

test: ## every test that needs neither network nor root
	cargo test --locked

crds: ## write crds/ anew from the Rust types
	EVENKEEL_WRITE_CRD=1 cargo test --locked -p evenkeel --test crd

gate: PAIRS := 10000
gate: TIMES := 100
gate: SCHEDULES := 10000
gate: SEED := $(shell date +%s)
gate: ## the property tests for a release (PAIRS of random stacks, SCHEDULES, TIMES as many cases of the planner's; SEED repeats a run)
	@echo "seed $(SEED): $(PAIRS) pairs on the simulated cloud, $(SCHEDULES) schedules, $(TIMES) times the planner's own cases"
	EVENKEEL_SEED=$(SEED) EVENKEEL_TIMES=$(TIMES) cargo test --release --locked --package evenkeel --lib plan::tests
	EVENKEEL_SEED=$(SEED) EVENKEEL_PAIRS=$(PAIRS) EVENKEEL_SCHEDULES=$(SCHEDULES) \
		cargo test --release --locked --package evenkeel-simulators --test random_stacks --test schedules -- --nocapture

demo: ## controller, simulated cloud and simulated cluster in one process
	cargo demo

e2e: ## everything against a genuine Kubernetes and a genuine OpenStack (SCENARIO=name for some, KEEP=1 to leave it running)
	@$(E2E) all $(SCENARIO)

bench: ## measure calls, time and memory; writes docs/performance.md
	@$(E2E) bench

e2e-up: ## install and start the genuine control planes only
	@$(E2E) up

e2e-run: ## the scenarios only, on control planes that are up
	@$(E2E) run $(SCENARIO)

e2e-down: ## stop everything that e2e and e2e-up started
	@$(E2E) down

image: ## the container image
	docker build -t evenkeel:$(shell sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -1) .

.PHONY: help check test gate crds demo e2e bench e2e-up e2e-run e2e-down image
