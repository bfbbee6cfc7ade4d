# The commands of this repository. Each needs Go only; `check` and `browser` say below what they use besides.
# Pass flags of the demo programs in ARGS: make demo ARGS="--keep --ui-port 8233"
GO     ?= go
ARGS   ?=
MODULES := . dev tools kubetest
SCRIPTS := .ci/run

.PHONY: demo dev build test e2e e2e-kubernetes production observe alerts load bench chaos chaos-sample record-histories coverage mutate browser race check lint image-lint vuln release tidy clean

demo: ## one offboarding from start to report, on a real Temporal server and a simulated account
	$(GO) run -C dev . demo $(ARGS)

dev: ## the same stack, staying up for manual starts
	$(GO) run -C dev . dev $(ARGS)

build: ## the two programs, into bin/
	CGO_ENABLED=0 $(GO) build -trimpath -o bin/ ./worker ./starter

test: ## the quick levels: domain, adapters, simulator, workflows, programs, architecture, the embedded server
	$(GO) test ./...
	$(GO) test -C dev . ./internal/... ./compose ./check

e2e: ## whole offboardings on a real server: kills, faults, bad input, two builds of the worker, the gate before a roll-out
	$(GO) test -C dev -count=1 -parallel 8 -timeout 20m ./e2e
	$(GO) test -C dev -count=1 -timeout 20m ./versioning ./record

e2e-kubernetes: bin/kubetest ## the adapter's contract and whole offboardings on real Kubernetes API servers; docs/kubetest.md
	OFFBOARD_KUBETEST=$(CURDIR)/bin/kubetest $(GO) test -count=1 -parallel 4 -timeout 30m ./internal/kubernetes/...
	OFFBOARD_KUBETEST=$(CURDIR)/bin/kubetest $(GO) test -C dev -count=1 -timeout 30m ./kubernetes

production: bin/kubetest ## an encrypted, traced offboarding as docker-compose.yml starts it, on PostgreSQL, with real clusters, while every process is killed once. Needs PostgreSQL's programs
	OFFBOARD_KUBETEST=$(CURDIR)/bin/kubetest $(GO) test -C dev -count=1 -tags production -timeout 30m -v ./production

load: ## 200 requests a second on the HTTP door for a minute
	DOOR_LOAD=60s $(GO) test -C dev -count=1 -run TestTheDoorUnderLoad -v ./e2e

bench: ## speed and scale against their targets, P1 to P9; under ten minutes on two quiet cores; docs/performance.md
	$(GO) run -C dev ./bench $(ARGS)

observe: ## what the programs tell of themselves: one trace for each offboarding, every metric that is described or asked for
	$(GO) test -C dev -count=1 -timeout 15m ./observe

alerts: ## the alert rules, by Prometheus' own tool (Debian: prometheus)
	cd deploy/observability/prometheus && promtool check config prometheus.yaml && promtool test rules alerts_test.yaml

chaos: ## every fault, crash and cancellation there is to try; docs/reliability.md. Needs PostgreSQL's programs
	CHAOS=full $(GO) test -C dev -count=1 -tags postgres -timeout 180m -v ./chaos

chaos-sample: ## a sample of them, and one offboarding over a kill of everything; about three minutes. Needs PostgreSQL's programs
	$(GO) test -C dev -count=1 -tags postgres -run Postgres ./internal/postgres ./internal/temporalite
	$(GO) test -C dev -count=1 -tags postgres -timeout 10m ./chaos ./postgres

record-histories: ## record the histories that replay tests hold this build to, from real runs; minutes; docs/versioning.md
	$(GO) run -C dev ./record

coverage: ## how much of the workflows the recorded histories reach, at least 90 %, and what is left
	$(GO) run -C tools ./reached

mutate: ## some forty harmful changes to the workflows, each of which the recorded histories must notice; minutes
	$(GO) test -C dev -count=1 -timeout 40m ./mutate

browser: ## the Web UI and the report as a person sees them, in Chromium; screenshots into dev/out/screenshots
	$(GO) test -C dev -count=1 -timeout 10m -tags browser ./browser

race: ## the race detector over what is concurrent and fast
	$(GO) test -race ./internal/ibmsim/... ./internal/ibmcloud/... ./internal/kubernetes/... ./internal/app/... ./internal/door/... ./internal/notify/... ./internal/codec/...

check: lint coverage ## lint, workflow determinism and coverage by replay, import table, tidy modules, shell scripts
	bin/workflowcheck -config tools/workflowcheck.yaml ./workflows/...
	$(GO) build -C tools -o ../bin/ ./workflowlint
	bin/workflowlint ./workflows ./internal/offboard
	$(GO) vet -C tools ./... && $(GO) test -C tools ./...
	$(GO) test -count=1 .
	for m in $(MODULES); do $(GO) -C $$m mod tidy -diff || exit 1; done
	if command -v shellcheck >/dev/null; then shellcheck $(SCRIPTS); else echo "shellcheck is not installed: scripts are not checked"; fi

lint: bin/golangci-lint ## gofmt, vet and the linters of .golangci.yml, in both modules
	@test -z "$$(gofmt -l . | tee /dev/stderr)"
	$(GO) vet ./... && $(GO) -C dev vet -tags browser,postgres,production ./...
	bin/golangci-lint run --allow-parallel-runners ./...
	cd dev && ../bin/golangci-lint run --allow-parallel-runners --build-tags browser,postgres,production ./...

# The linters are a Go program like any other, pinned in tools/go.mod: a cold build takes about a minute on two cores.
bin/golangci-lint: tools/go.mod tools/go.sum
	$(GO) build -C tools -o ../bin/ tool

# Most of Kubernetes: a cold build takes 4 minutes on two idle cores, and the build cache grows by 3 GB.
KUBERNETES := $(shell sed -n 's/^.*k8s.io\/kubernetes v//p' kubetest/go.mod)
version    := k8s.io/component-base/version
bin/kubetest: kubetest/go.mod kubetest/go.sum $(shell find kubetest -name '*.go')
	$(GO) vet -C kubetest ./...
	$(GO) build -C kubetest -ldflags "-s -w -X $(version).gitVersion=v$(KUBERNETES) -X $(version).gitMajor=1 -X $(version).gitMinor=$(word 2,$(subst ., ,$(KUBERNETES)))" -o ../bin/ .

image-lint: ## Dockerfile, docker-compose.yml and the Kubernetes manifests; needs npm and Debian's docker-compose
	npx --yes dockerfilelint@1.8.0 --config deploy/compose Dockerfile
	set -a; . deploy/compose/sandbox/env; set +a; sed '/^name:/d' docker-compose.yml | docker-compose -f - --project-directory . config --quiet
	$(GO) run sigs.k8s.io/kustomize/kustomize/v5@v5.8.1 build deploy/kubernetes >/dev/null

vuln: ## known vulnerabilities in what is called; needs the network
	for m in $(MODULES); do $(GO) run -C $$m golang.org/x/vuln/cmd/govulncheck@v1.9.0 ./... || exit 1; done

release: ## programs, checksums and SBOM of the tag that is checked out, into dist/
	$(GO) install github.com/CycloneDX/cyclonedx-gomod/cmd/cyclonedx-gomod@v1.10.0
	PATH="$$($(GO) env GOPATH)/bin:$$PATH" $(GO) run github.com/goreleaser/goreleaser/v2@v2.15.2 release --clean --skip=publish

tidy: ## bring go.mod and go.sum of every module in order
	for m in $(MODULES); do $(GO) -C $$m mod tidy || exit 1; done

clean: ## remove what the commands above made; the Go caches stay
	rm -rf bin dev/out dev/data
