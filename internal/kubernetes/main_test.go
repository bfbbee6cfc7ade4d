package kubernetes_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"offboard/internal/kubernetes/kubetest"
)

// What the port promises is held against simulated clusters, and against real ones where the environment variable
// OFFBOARD_KUBETEST names the program that runs them (make e2e-kubernetes).
var (
	houses  = map[string]func(t *testing.T, c *cluster) backend{"simulated": newSimulated}
	realOne *kubetest.Process
)

func TestMain(m *testing.M) {
	code, err := runAll(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

func runAll(m *testing.M) (code int, err error) {
	program := os.Getenv(kubetest.Variable)
	if program == "" {
		return m.Run(), nil
	}
	dir, err := os.MkdirTemp("", "offboard-kubernetes-")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(dir)
	var log bytes.Buffer // healthy servers complain a lot, too
	if realOne, err = kubetest.Start(program, &log, "--dir", filepath.Join(dir, "clusters"), "--pod-start", realPodStart.String()); err != nil {
		return 0, err
	}
	houses["real"] = newReal
	code = m.Run()
	if err = realOne.Close(); err != nil || code != 0 {
		fmt.Fprintf(os.Stderr, "kubetest said:\n%s", &log)
	}
	return code, err
}

// contract holds the adapter against an empty cluster of every house. Since each has a cluster of its own, which takes a
// moment to start where it is real, tests run side by side.
func contract(t *testing.T, hold func(t *testing.T, c *cluster)) {
	t.Parallel()
	for house, backend := range houses {
		t.Run(house, func(t *testing.T) { hold(t, newCluster(t, backend)) })
	}
}
