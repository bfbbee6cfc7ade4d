//go:build browser

package browser_test

import (
	"testing"
	"time"
	"os"

	"github.com/chromedp/chromedp"
	"offboard/dev/internal/demo"
)

func TestExplore(t *testing.T) {
	s, ctx := open(t)
	chromedp.Do(ctx, chromedp.Navigate(demo.StartForm(s.Temporal.UI(), "default")), chromedp.Sleep(4*time.Second))
	html, _ := chromedp.Run(ctx, chromedp.Evaluate[string]("document.body.outerHTML"))
	os.WriteFile("/tmp/form.html", []byte(html), 0644)
	shoot(t, ctx, "explore-form")
	t.Log(text(ctx))
	run := s.Runs
	req, _ := demoRequest()
	st, err := run.Start(ctx, req)
	t.Log(err, st.Link)
	plan(t, ctx, s, st.WorkflowID)
	chromedp.Do(ctx, chromedp.Navigate(st.Link), chromedp.Sleep(5*time.Second))
	html, _ = chromedp.Run(ctx, chromedp.Evaluate[string]("document.body.outerHTML"))
	os.WriteFile("/tmp/run.html", []byte(html), 0644)
	shoot(t, ctx, "explore-run")
	t.Log(text(ctx))
}
