//go:build browser

package browser_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"

	"offboard/dev/internal/stack"
	"offboard/internal/offboard"
)

// screenshots are for people to look at; they are not compared.
const screenshots = "../out/screenshots"

// patience bounds one test: the Web UI loads half a megabyte of script, an offboarding of the sample takes half a minute.
const patience = 3 * time.Minute

// open starts a stack and a browser.
func open(t *testing.T, reports string) (*stack.Stack, context.Context) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	s, err := stack.Start(ctx, stack.Options{Engine: stack.EngineOptions{Reports: reports}})
	require.NoError(t, err)
	t.Cleanup(func() {
		if err := s.Stop(); err != nil {
			t.Errorf("stop the stack: %v", err)
		}
	})
	return s, browse(t, ctx)
}

// browse starts a Chromium of its own, which asks nobody but this machine for anything.
func browse(t *testing.T, ctx context.Context) context.Context {
	t.Helper()
	program, err := chromium()
	require.NoError(t, err)
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(program), chromedp.NoSandbox, chromedp.DisableGPU, chromedp.WindowSize(1400, 1600),
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true),
		chromedp.Flag("disable-background-networking", true), chromedp.Flag("disable-sync", true),
		// A cold start on a busy machine takes longer than the library's 20 seconds.
		chromedp.WSURLReadTimeout(time.Minute))
	ctx, cancel := chromedp.NewExecAllocator(ctx, options...)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewContext(ctx)
	t.Cleanup(cancel)
	require.NoError(t, chromedp.Do(ctx))
	return ctx
}

func chromium() (string, error) {
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path, nil
		}
	}
	return "", fmt.Errorf("no Chromium is installed: apt-get install chromium")
}

// shoot keeps a picture of the page.
func shoot(t *testing.T, ctx context.Context, name string) {
	t.Helper()
	png, err := chromedp.Run(ctx, chromedp.FullScreenshot(100))
	require.NoError(t, err)
	require.True(t, bytes.HasPrefix(png, []byte("\x89PNG")))
	require.NoError(t, os.MkdirAll(screenshots, 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(screenshots, name+".png"), png, 0o644))
}

// plan waits until the run shows its plan.
func plan(t *testing.T, ctx context.Context, s *stack.Stack, id string) offboard.Plan {
	t.Helper()
	var plan *offboard.Plan
	err := s.Runs.Follow(ctx, id, 100*time.Millisecond, func(p offboard.Progress, _ map[string]offboard.ScopeProgress) bool {
		if p.Phase == offboard.PhaseApprove {
			plan = p.Plan
		}
		return plan != nil
	})
	require.NoError(t, err)
	require.NotNil(t, plan)
	return *plan
}
