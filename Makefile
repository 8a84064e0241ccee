.DEFAULT_GOAL := help
E2E := tests/e2e/e2e.sh

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-15s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

check: ## check format and lints
	cargo fmt --check
	cargo clippy --all-targets --locked -- -D warnings

test: ## run every test that needs neither network nor root
	cargo test --locked

crds: ## regenerate crds/ and docs/reference/api.md from the Rust types, and the files of the charts
	EVENKEEL_WRITE_CRD=1 cargo test --locked -p evenkeel --test crd
	EVENKEEL_WRITE_CRD=1 cargo test --locked -p evenkeel --test deployment

words: ## check openings of doc blocks, names of tests, and the subjects of commits since BASE (the last 50 if not given)
	cargo test --locked -p evenkeel --test words -- --nocapture --test-threads 1
	@.ci/subjects $(BASE)

doc: ## build rustdoc; warnings are errors
	RUSTDOCFLAGS="-D warnings" cargo doc --no-deps --locked

deny: ## check dependencies by deny.toml: bans, licences, sources, advisories
	.ci/deny

test-release: PAIRS := 10000
test-release: TIMES := 100
test-release: SCHEDULES := 10000
test-release: CLUSTERS := 500
test-release: FAULTS := 2
test-release: SEED := $(shell date +%s)
test-release: ## run the property tests for a release (PAIRS of random stacks, SCHEDULES, CLUSTERS, TIMES as many cases of the planner, FAULTS of each kind in the model of the protocol; SEED repeats a run)
	@echo "seed $(SEED): $(PAIRS) pairs on the simulated cloud, $(CLUSTERS) random clusters, $(SCHEDULES) schedules, $(TIMES) times the planner's own cases"
	EVENKEEL_FAULTS=$(FAULTS) cargo test --release --locked --package evenkeel-simulators --test protocol
	EVENKEEL_SEED=$(SEED) EVENKEEL_TIMES=$(TIMES) cargo test --release --locked --package evenkeel-simulators --test planner
	EVENKEEL_SEED=$(SEED) EVENKEEL_PAIRS=$(PAIRS) EVENKEEL_SCHEDULES=$(SCHEDULES) EVENKEEL_CLUSTERS=$(CLUSTERS) \
		cargo test --release --locked --package evenkeel-simulators --test random_stacks --test schedules -- --nocapture

demo: ## run controller, simulated cloud and simulated cluster in one process
	cargo demo

e2e: ## test against a genuine Kubernetes and a genuine OpenStack: everything, or TIER=gate, PART=2/4, PART=deploy, SCENARIO=name; KEEP=1 leaves it running
	@TIER=$(TIER) PART=$(PART) $(E2E) all $(SCENARIO)

bench: ## measure calls, time and memory; writes docs/operations/performance.md
	@$(E2E) bench

bench-endpoints: ## measure members from Services only, on the simulators; ENDPOINTS holds options of at_rest
	cargo build --release --locked -p evenkeel
	cargo build --release --locked -p evenkeel-simulators --bin at_rest
	target/release/at_rest --controller target/release/evenkeel --endpoints-only $(ENDPOINTS)

e2e-map: ## print the map of the answers of Octavia's OVN provider; WORDS="pool: PUT" selects requests
	@$(E2E) map $(if $(WORDS),"$(WORDS)")

e2e-up: ## install and start the genuine control planes only
	@$(E2E) up

e2e-run: ## run the scenarios only (TIER, PART, SCENARIO as above), on control planes that are up
	@TIER=$(TIER) PART=$(PART) $(E2E) run $(SCENARIO)

e2e-check: ## check that the parts hold every scenario once, and the gate tier one of each kind; needs what e2e-up installs
	@$(E2E) check

e2e-down: ## stop everything that e2e and e2e-up started
	@$(E2E) down

image: VERSION := $(shell sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -1)
image: SOURCE := $(shell git remote get-url origin 2>/dev/null || echo unknown)
image: ## build the container image; PLATFORM=linux/arm64 for another architecture than this machine's
	docker build -t evenkeel:$(VERSION) $(if $(PLATFORM),--platform $(PLATFORM)) --build-arg VERSION=$(VERSION) \
		--build-arg REVISION=$(shell git rev-parse HEAD 2>/dev/null || echo unknown) --build-arg SOURCE=$(SOURCE) .

.PHONY: help check test test-release words doc deny crds demo e2e e2e-check e2e-map bench bench-endpoints e2e-up e2e-run e2e-down image
