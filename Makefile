SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help

export CGO_ENABLED = 0
# The same for the product and for tests, so that what both stand on is compiled once.
export GOFLAGS := $(filter-out -trimpath,$(GOFLAGS)) -trimpath
VERSION ?= 1.40.0-dev
LDFLAGS := -s -w -X github.com/fairlead/fairlead.Version=$(VERSION)
MODULES := . test/azuresdk test/cluster test/e2e test/fleet test/injection test/tunnelfaults
# Outside the workspace, because what they need would decide versions of the product.
MODULES_ALONE := chart/upstream test/federation test/tunnelbench

help: ## this list
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / {printf "  %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

build: probe definitions ## bin/fairlead, the one static binary
	go build -ldflags '$(LDFLAGS)' -o bin/fairlead ./cmd/fairlead

probe: ## the probe that doctor runs in pods, for both architectures; fairlead carries it along
	for arch in amd64 arm64; do \
		GOOS=linux GOARCH=$$arch go build -ldflags '-s -w' -o bin/fairlead-probe-linux-$$arch ./cmd/fairlead-probe; \
		gzip -9nc bin/fairlead-probe-linux-$$arch > doctor/probe/payload/bin/fairlead-probe-linux-$$arch.gz; \
	done

# What chart microsoft-flux takes over from Flux, made from the modules that chart/upstream/go.mod names.
definitions: chart/microsoft-flux/definitions/versions.yaml

chart/microsoft-flux/definitions/versions.yaml: chart/upstream/go.mod chart/upstream/main.go
	cd chart/upstream && GOWORK=off go run . --out ../microsoft-flux/definitions

demo: build ## a hub, a real cluster connected to it, the inventory (CLUSTER=current for your own cluster)
	go run ./test/e2e/demo up --binary bin/fairlead --cluster '$(or $(CLUSTER),bench)'

demo-gitops: build ## the demo, and a repository that the cluster follows (root)
	go run ./test/e2e/demo gitops --binary bin/fairlead

demo-down: ## remove every trace of the demo
	go run ./test/e2e/demo down --binary bin/fairlead

test: test-unit test-durability test-sdk test-federation test-fleet test-tunnel test-postgres test-real ## everything, on a real API server and, as root, a real node

# What waits for clusters more than it works: two at a time, the longest first. All use what was built before.
test-real: build bin/fairlead-next
	$(MAKE) -j2 -o build -o probe -o definitions -o bin/fairlead-next test-e2e test-agents test-injection test-doctor test-cluster

test-unit: probe definitions ## the fast part, no cluster
	go test ./...

test-sdk: probe definitions ## the hub as Microsoft's SDKs for Go find it
	go test -count=1 -timeout 10m $(if $(RUN),-v -run '$(RUN)') ./test/azuresdk/...

test-durability: ## a hub killed at 200 random moments under load: no acknowledged write is lost
	FAIRLEAD_TEST_KILLS=200 go test -count=1 -timeout 15m -run TestAcknowledgedRequestsSurviveKills -v ./hub

test-federation: probe definitions ## people and workloads of Dex, a real OpenID Connect provider; a module of its own, since Dex brings much along
	cd test/federation && GOWORK=off go test -count=1 -timeout 10m $(if $(RUN),-v -run '$(RUN)') ./...

test-fleet: build ## two hundred simulated agents against a real hub: nothing and nobody is lost
	FAIRLEAD_BINARY=$(CURDIR)/bin/fairlead go test -count=1 -timeout 5m ./test/fleet

test-tunnel: build ## cluster connect under the faults that take seconds: each states what must hold
	FAIRLEAD_BINARY=$(CURDIR)/bin/fairlead go test -count=1 -timeout 10m $(if $(RUN),-v -run '$(RUN)') ./test/tunnelfaults/...

nightly: build ## cluster connect under all faults, in both profiles, with 5 GB in one upload, an hour of mixed traffic with random ones (SOAK for another time), test-charts and test-offline
	for profile in standard edge; do go run ./test/tunnelfaults --binary bin/fairlead --profile $$profile; done
	go run ./test/tunnelfaults --binary bin/fairlead --soak $(or $(SOAK),1h)
	$(MAKE) test-charts test-offline

test-offline: build bin/fairlead-next ## a cluster that is away for an hour while an extension is asked for (AWAY for another time; root)
	FAIRLEAD_TEST_OFFLINE=$(or $(AWAY),1h) FAIRLEAD_BINARY=$(CURDIR)/bin/fairlead FAIRLEAD_BINARY_NEXT=$(CURDIR)/bin/fairlead-next \
		go test -count=1 -timeout 24h -v -run '^TestExtensions$$/^Offline$$' ./test/e2e

test-postgres: ## the store's conformance suite on a throwaway PostgreSQL
	./test/postgres.sh go test -count=1 ./store/...

test-cluster: ## the test bench itself
	go test -count=1 -timeout 30m ./test/cluster/...

test-agents: definitions ## the agents on a real API server, causes of failures on a real node, the registry under a real containerd (root)
	FAIRLEAD_TEST_KILLS=50 ./test/controlplane.sh go test -count=1 -timeout 30m -p 1 ./agent/...
	./test/fullnode.sh go test -count=1 -timeout 10m -run TestOnNode ./agent/extension/cause
	go test -count=1 -run Containerd ./hub/registry

bin/fairlead-next: build # the same, one version on: what upgrades are tested with
	go build -ldflags '-s -w -X github.com/fairlead/fairlead.Version=1.40.1-dev' -o $@ ./cmd/fairlead

# Compiling their programs takes eight minutes of a processor, and their stories six: too long for every change.
CHARTS := ^TestPublicCharts$$
# The module proxy lacks four of the controllers, so whoever runs this has to bring them.
FLUX := ^(TestWholeFlux|TestFluxImages)$$

test-charts: build bin/fairlead-next ## metrics-server and Open Service Mesh as extensions, from their public charts (root)
	$(MAKE) -o build -o bin/fairlead-next test-e2e RUN='$(CHARTS)'

test-flux: build bin/fairlead-next ## all controllers of Flux (CONTROLLERS is a folder with the programs helm-controller, notification-controller, image-reflector-controller and image-automation-controller; root)
	FAIRLEAD_FLUX_CONTROLLERS='$(abspath $(CONTROLLERS))' $(MAKE) -o build -o bin/fairlead-next test-e2e RUN='$(FLUX)'

test-e2e: build bin/fairlead-next ## hub, agents and CLI on a real cluster
	FAIRLEAD_BINARY=$(CURDIR)/bin/fairlead FAIRLEAD_BINARY_NEXT=$(CURDIR)/bin/fairlead-next go test -count=1 -timeout 75m -parallel 2 $(if $(RUN),-v -run '$(RUN)',-skip '$(CHARTS)|$(FLUX)') ./test/e2e/...

test-doctor: probe ## doctor's changes on a real API server, its Corefile judgement on a real CoreDNS, its probe on a real node (root)
	./test/controlplane.sh go test -count=1 ./doctor/fix/... ./doctor/collect/... ./cli/...
	./test/fullnode.sh go test -count=1 -timeout 10m ./doctor/probe/... ./doctor/corefile/...

test-injection: build ## the failures of the guides, brought about on a real node and found by doctor (root)
	FAIRLEAD_BINARY=$(CURDIR)/bin/fairlead go test -count=1 -timeout 40m $(if $(RUN),-v -run '$(RUN)') ./test/injection/...

coverage: build ## docs/doctor-coverage.md, from a run of the injection tests (root)
	rm -f bin/injections.txt
	FAIRLEAD_INJECTIONS=$(CURDIR)/bin/injections.txt FAIRLEAD_BINARY=$(CURDIR)/bin/fairlead go test -count=1 -timeout 25m ./test/injection/...
	go run ./test/injection/coverage --binary bin/fairlead --results bin/injections.txt --out docs/doctor-coverage.md

race: definitions ## unit tests under the race detector (needs a C compiler)
	CGO_ENABLED=1 go test -race ./...

bench: build bench-fleet ## join time, agents' memory, extensions, GitOps and doctor's cost into docs/benchmarks.md (root), and Go benchmarks
	FAIRLEAD_BINARY=$(CURDIR)/bin/fairlead go run ./test/e2e/bench --out docs/benchmarks.md
	FAIRLEAD_BINARY=$(CURDIR)/bin/fairlead go run ./test/injection/bench --out docs/benchmarks.md
	go test -run '^$$' -bench . -benchtime 2s ./hub/... ./doctor/...

bench-extensions: build ## how soon Helm starts for an extension, and what extension-manager needs, into docs/benchmarks.md (root)
	FAIRLEAD_BINARY=$(CURDIR)/bin/fairlead go run ./test/e2e/bench --sections extensions --out docs/benchmarks.md $(ARGS)

bench-gitops: build ## how soon a commit is seen at the hub, and what its agents need, into docs/benchmarks.md (root)
	FAIRLEAD_BINARY=$(CURDIR)/bin/fairlead go run ./test/e2e/bench --sections gitops --out docs/benchmarks.md $(ARGS)

bench-fleet: build ## what ten thousand clusters cost one hub, into docs/benchmarks.md (AGENTS for another number)
	FAIRLEAD_BINARY=$(CURDIR)/bin/fairlead go run ./test/fleet --agents $(or $(AGENTS),10000) --out docs/benchmarks.md

bench-tunnel: build ## cluster connect beside plain proxies and other tunnels, into docs/benchmarks.md (FRP and KONNECTIVITY: folders of their programs, see go doc there; ARGS for choosing, see --help)
	cd test/tunnelbench && GOWORK=off go run . --binary $(CURDIR)/bin/fairlead --out $(CURDIR)/docs/benchmarks.md \
		$(if $(FRP),--frp $(abspath $(FRP))) $(if $(KONNECTIVITY),--konnectivity $(abspath $(KONNECTIVITY))) $(ARGS)

bin/golangci-lint: tools/go.mod
	cd tools && GOWORK=off go build -o ../bin/golangci-lint github.com/golangci/golangci-lint/v2/cmd/golangci-lint

lint: bin/golangci-lint ## the linters of .golangci.yml, on every module
	for module in $(MODULES); do (cd $$module && $(CURDIR)/bin/golangci-lint run --config $(CURDIR)/.golangci.yml ./...); done
	for module in $(MODULES_ALONE); do (cd $$module && GOWORK=off $(CURDIR)/bin/golangci-lint run --config $(CURDIR)/.golangci.yml ./...); done

fmt: bin/golangci-lint ## format every module
	for module in $(MODULES); do (cd $$module && $(CURDIR)/bin/golangci-lint fmt --config $(CURDIR)/.golangci.yml ./...); done

generate: build ## docs/cli, from the commands themselves
	rm -rf docs/cli && bin/fairlead docs --dir docs/cli

verify: generate ## fails when what is generated differs from what is committed, or a go.mod is not tidy
	git diff --exit-code -- docs/cli
	test -z "$$(git status --porcelain -- docs/cli)"
	for module in $(MODULES) $(MODULES_ALONE); do (cd $$module && GOWORK=off go mod tidy -diff); done

docs: generate ## the same as generate

image: build ## the agents' image as an archive for ctr or docker load
	bin/fairlead image save --registry "$(or $(REGISTRY),localhost:8443)" --output bin/fairlead-image.tar

vulncheck: ## known vulnerabilities in what we call; needs the vulnerability database (VULNDB to name a copy)
	cd tools && GOWORK=off go build -o ../bin/govulncheck golang.org/x/vuln/cmd/govulncheck
	bin/govulncheck $(if $(VULNDB),-db $(VULNDB)) ./...

ci: lint verify test ## what CI runs

.PHONY: definitions test-charts test-flux test-offline test-real test-durability test-fleet test-tunnel nightly bench-extensions bench-gitops bench-fleet bench-tunnel help build bin/fairlead-next probe demo demo-gitops demo-down test test-unit test-sdk test-federation test-postgres test-cluster test-agents test-doctor test-e2e test-injection coverage race bench lint fmt generate verify docs image vulncheck ci
