# The commands of this repository. Each needs Go only; `check` and `browser` say below what they use besides.
# Pass flags of the demo programs in ARGS: make demo ARGS="--keep --ui-port 8233"
GO     ?= go
ARGS   ?=
MODULES := . dev tools
SCRIPTS := .ci/run

.PHONY: demo dev build test e2e chaos chaos-sample record-histories mutate browser race check lint tidy clean

demo: ## one offboarding from start to report, on a real Temporal server and a simulated account
	$(GO) run -C dev . demo $(ARGS)

dev: ## the same stack, staying up for manual starts
	$(GO) run -C dev . dev $(ARGS)

build: ## the two programs, into bin/
	CGO_ENABLED=0 $(GO) build -trimpath -o bin/ ./worker ./starter

test: ## the quick levels: domain, adapters, simulator, workflows, programs, architecture, the embedded server
	$(GO) test ./...
	$(GO) test -C dev . ./internal/... ./compose

e2e: ## whole offboardings on a real server: kills, faults, bad input
	$(GO) test -C dev -count=1 -parallel 8 -timeout 20m ./e2e

chaos: ## every fault, crash and cancellation there is to try; docs/reliability.md. Needs PostgreSQL's programs
	CHAOS=full $(GO) test -C dev -count=1 -tags postgres -timeout 180m -v ./chaos

chaos-sample: ## a sample of them, about a minute and a half. Needs PostgreSQL's programs
	$(GO) test -C dev -count=1 -tags postgres -run Postgres ./internal/postgres ./internal/temporalite
	$(GO) test -C dev -count=1 -tags postgres -timeout 10m ./chaos

record-histories: ## record the histories that replay tests hold this build to, from real runs; a few minutes
	$(GO) run -C dev ./record

mutate: ## 27 harmful changes to the workflows, each of which the recorded histories must notice; a few minutes
	$(GO) test -C dev -count=1 -timeout 20m ./mutate

browser: ## the Web UI and the report as a person sees them, in Chromium; screenshots into dev/out/screenshots
	$(GO) test -C dev -count=1 -timeout 10m -tags browser ./browser

race: ## the race detector over what is concurrent and fast
	$(GO) test -race ./internal/ibmsim/... ./internal/ibmcloud/... ./internal/kubernetes/... ./internal/app/... ./internal/door/... ./internal/notify/...

check: lint ## lint, workflow determinism, import table, tidy modules, shell scripts
	bin/workflowcheck -config tools/workflowcheck.yaml ./workflows/...
	$(GO) test -count=1 .
	for m in $(MODULES); do $(GO) -C $$m mod tidy -diff || exit 1; done
	if command -v shellcheck >/dev/null; then shellcheck $(SCRIPTS); else echo "shellcheck is not installed: scripts are not checked"; fi

lint: bin/golangci-lint ## gofmt, vet and the linters of .golangci.yml, in both modules
	@test -z "$$(gofmt -l . | tee /dev/stderr)"
	$(GO) vet ./... && $(GO) -C dev vet -tags browser ./...
	bin/golangci-lint run --allow-parallel-runners ./...
	cd dev && ../bin/golangci-lint run --allow-parallel-runners --build-tags browser ./...

# The linters are a Go program like any other, pinned in tools/go.mod: a cold build takes about a minute on two cores.
bin/golangci-lint: tools/go.mod tools/go.sum
	$(GO) build -C tools -o ../bin/ tool

tidy: ## bring go.mod and go.sum of every module in order
	for m in $(MODULES); do $(GO) -C $$m mod tidy || exit 1; done

clean: ## remove what the commands above made; the Go caches stay
	rm -rf bin dev/out dev/data
