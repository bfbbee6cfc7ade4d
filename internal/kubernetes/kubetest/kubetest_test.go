package kubetest_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"offboard/internal/kubernetes/kubetest"
)

// The test binary is the program, too: it speaks like kubetest and runs nothing.
func TestMain(m *testing.M) {
	if len(os.Args) > 2 && os.Args[1] == "pretend" {
		os.Exit(pretend(os.Args[2]))
	}
	os.Exit(m.Run())
}

func pretend(dir string) int {
	fmt.Println("a line that is no answer")
	fmt.Fprintln(os.Stderr, "a word for the log")
	var late string // an answer that comes after the next one
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		command := lines.Text()
		a := map[string]string{"command": command, "server": "https://" + strings.TrimPrefix(command, "start "), "directory": dir}
		switch command {
		case "start die":
			return 3
		case "start bad":
			a["error"] = "no such luck"
		}
		text, err := json.Marshal(a)
		if err != nil {
			return 4
		}
		if command == "start late" {
			late = string(text)
			continue
		}
		fmt.Println(string(text))
		if late != "" {
			fmt.Println(late)
			late = ""
		}
	}
	return 0
}

func start(t *testing.T) (p *kubetest.Process, dir string, log *bytes.Buffer) {
	t.Helper()
	self, err := os.Executable()
	require.NoError(t, err)
	dir, log = t.TempDir(), &bytes.Buffer{}
	p, err = kubetest.Start(self, log, "pretend", dir)
	require.NoError(t, err)
	return p, dir, log
}

func TestAClusterIsWhereTheProgramSays(t *testing.T) {
	p, dir, log := start(t)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "admin.kubeconfig"), []byte("apiVersion: v1"), 0o600))
	c, err := p.StartCluster(t.Context(), "one")
	require.NoError(t, err)
	assert.Equal(t, "https://one", c.Server)
	text, err := c.Kubeconfig(kubetest.Admin)
	require.NoError(t, err)
	assert.Equal(t, "apiVersion: v1", string(text))
	_, err = c.Kubeconfig(kubetest.Somebody)
	require.ErrorIs(t, err, os.ErrNotExist)
	require.NoError(t, p.StopCluster(t.Context(), "one"))
	require.NoError(t, p.Close())
	assert.Equal(t, "a word for the log\n", log.String())
}

func TestAnAnswerFindsItsQuestion(t *testing.T) {
	p, _, _ := start(t)
	late := make(chan kubetest.Cluster)
	go func() {
		c, err := p.StartCluster(t.Context(), "late")
		assert.NoError(t, err)
		late <- c
	}()
	var c kubetest.Cluster
	for done := false; !done; { // until the program has heard of the other one
		early, err := p.StartCluster(t.Context(), "early")
		require.NoError(t, err)
		assert.Equal(t, "https://early", early.Server)
		select {
		case c = <-late:
			done = true
		default:
		}
	}
	assert.Equal(t, "https://late", c.Server)
	require.NoError(t, p.Close())
}

func TestWhatTheProgramCannotDoIsAnError(t *testing.T) {
	p, _, _ := start(t)
	_, err := p.StartCluster(t.Context(), "bad")
	require.EqualError(t, err, "no such luck")
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, err = p.StartCluster(ctx, "late")
	require.ErrorIs(t, err, context.DeadlineExceeded)
	_, err = p.StartCluster(t.Context(), "die")
	require.EqualError(t, err, "kubetest ended before it could start die")
	require.ErrorContains(t, p.Close(), "exit status 3")
	_, err = p.StartCluster(t.Context(), "one")
	require.Error(t, err)
	_, err = kubetest.Start(filepath.Join(t.TempDir(), "nothing"), &bytes.Buffer{})
	require.ErrorIs(t, err, os.ErrNotExist)
}
