package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// shop is a module with a workflow that goes wrong by way of another package.
var shop = map[string]string{
	"go.mod":                  "module shop\n\ngo 1.26.0\n\nrequire go.temporal.io/sdk v1.0.0\n\nreplace go.temporal.io/sdk => ./sdk\n",
	"sdk/go.mod":              "module go.temporal.io/sdk\n\ngo 1.26.0\n",
	"sdk/workflow/context.go": "package workflow\n\ntype Context interface{ Err() error }\n",
	"orders/orders.go":        "package orders\n\nimport (\n\t\"go.temporal.io/sdk/workflow\"\n\n\t\"shop/stock\"\n)\n\nfunc Ship(ctx workflow.Context) string { return stock.Where() }\n",
	"stock/stock.go":          "package stock\n\nimport \"os\"\n\nfunc Where() string { return os.Getenv(\"SHELF\") }\n",
	"broken/broken.go":        "package broken\n\nvar n int = \"one\"\n",
}

func module(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range shop {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestWhatAWorkflowReachesIsReported(t *testing.T) {
	var out strings.Builder
	found, err := run(module(t), []string{"./orders", "./stock"}, &out)
	if err != nil {
		t.Fatal(err)
	}
	const want = "shop/orders/orders.go:9:55: os.Getenv asks the machine: let an activity do it, or a side effect, which Where reaches at shop/stock/stock.go:5 (machine)"
	if found != 1 || !strings.Contains(out.String(), want) {
		t.Errorf("%d findings: %s", found, out.String())
	}
}

func TestAPackageThatIsNotLookedIntoIsHarmless(t *testing.T) {
	found, err := run(module(t), []string{"./orders"}, os.Stderr)
	if found != 0 || err != nil {
		t.Errorf("%d findings, %v", found, err)
	}
}

func TestWhatDoesNotCompileIsAnError(t *testing.T) {
	if _, err := run(module(t), []string{"./broken"}, os.Stderr); err == nil || !strings.Contains(err.Error(), "shop/broken") {
		t.Errorf("said %v", err)
	}
}
