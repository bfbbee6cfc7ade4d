package main

import (
	"bytes"
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func noEnv(string) string { return "" }

func TestThePlaygroundSaysWhereEverythingIsAndEndsWhenTold(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var out lines
	ended := make(chan error, 1)
	args := []string{"dev", "--port", "0", "--ui-port", "0", "--sim-port", "0", "--report", t.TempDir()}
	go func() { ended <- run(ctx, args, noEnv, &out, &out) }()
	require.Eventually(t, func() bool { return strings.Contains(out.String(), "^C ends everything") }, 30*time.Second, 50*time.Millisecond)
	cancel()
	require.NoError(t, <-ended)
	for _, words := range []string{"export TEMPORAL_ADDRESS='127.0.0.1:", "export OFFBOARD_CONFIG='", "start-workflow?taskQueue=offboarding", `"mode": "plan"`, "/sim/ledger"} {
		assert.Contains(t, out.String(), words)
	}
}

func TestWrongUseIsExplained(t *testing.T) {
	for args, says := range map[string]string{
		"dmo":            `unknown command "dmo"`,
		"demo now":       "now",
		"demo --ports 1": "unknown flag: --ports",
		"dev --port 0 --ui-port 0 --sim-port 0 --report DIR --account nowhere": "shipped accounts are",
	} {
		var out lines
		err := run(t.Context(), strings.Fields(strings.ReplaceAll(args, "DIR", t.TempDir())), noEnv, &out, &out)
		require.ErrorContains(t, err, says, args)
	}
}

// lines is an output that is read while it is written.
type lines struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}
