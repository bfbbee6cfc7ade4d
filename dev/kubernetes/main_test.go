package kubernetes_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"offboard/internal/kubernetes/kubetest"
)

// clusters is the program that runs all clusters of these tests: the one that OFFBOARD_KUBETEST names, or one that is
// built here, which takes minutes for the first time.
var clusters *kubetest.Process

func TestMain(m *testing.M) {
	code, err := runAll(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

func runAll(m *testing.M) (code int, err error) {
	dir, err := os.MkdirTemp("", "offboard-kubernetes-")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(dir)
	program := os.Getenv(kubetest.Variable)
	if program == "" {
		program = filepath.Join(dir, "kubetest")
		if err := build(program); err != nil {
			return 0, err
		}
	}
	var log bytes.Buffer // healthy servers complain a lot, too
	if clusters, err = kubetest.Start(program, &log, "--dir", filepath.Join(dir, "clusters")); err != nil {
		return 0, err
	}
	code = m.Run()
	if err = clusters.Close(); err != nil || code != 0 {
		fmt.Fprintf(os.Stderr, "kubetest said:\n%s", &log)
	}
	return code, err
}

func build(program string) error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Hour)
	defer cancel()
	out, err := exec.CommandContext(ctx, "go", "build", "-C", filepath.Join("..", "..", "kubetest"), "-ldflags", "-s -w", "-o", program, ".").CombinedOutput()
	if err != nil {
		return fmt.Errorf("build kubetest: %w\n%s", err, out)
	}
	return nil
}
