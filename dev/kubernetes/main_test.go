package kubernetes_test

import (
	"fmt"
	"os"
	"testing"

	"offboard/dev/kubernetes/attach"
)

// clusters is the program that runs all clusters of these tests.
var clusters *attach.Clusters

func TestMain(m *testing.M) {
	code, err := runAll(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

func runAll(m *testing.M) (code int, err error) {
	if clusters, err = attach.Start("../.."); err != nil {
		return 0, err
	}
	code = m.Run()
	return code, clusters.Close()
}
