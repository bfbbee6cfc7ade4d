//go:build browser

package browser_test

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"offboard/dev/internal/demo"
)

func TestExplore(t *testing.T) {
	s, ctx := open(t)
	ev := func(js string) string {
		r, err := chromedp.Run(ctx, chromedp.Evaluate[string](js+";''"))
		if err != nil {
			t.Log(js, err)
		}
		return r
	}
	chromedp.Do(ctx, chromedp.Navigate(demo.StartForm(s.Temporal.UI(), "default")), chromedp.Sleep(3*time.Second))
	ev(`document.querySelector('main .cm-content').focus(); document.execCommand('insertText', false, '{"user": "leaver@acme.example", "soak": "5s", "requestedBy": "hr@acme.example"}')`)
	chromedp.Do(ctx, chromedp.Sleep(time.Second))
	shoot(t, ctx, "explore-form")
	ev(`[...document.querySelectorAll('button')].filter(b=>b.innerText.trim()==='Start Workflow').pop().click()`)
	chromedp.Do(ctx, chromedp.Sleep(2*time.Second))
	shoot(t, ctx, "explore-started")
	t.Log(ev(`location.href`))
	plan(t, ctx, s, "offboard-by-hand")
	link := s.Runs.Link("offboard-by-hand", "")
	t.Log(link)
	u, _ := chromedp.Run(ctx, chromedp.Evaluate[string](`location.href`))
	t.Log(u)
	chromedp.Do(ctx, chromedp.Navigate(link), chromedp.Sleep(3*time.Second))
	u, _ = chromedp.Run(ctx, chromedp.Evaluate[string](`location.href`))
	t.Log(u)
	ev(`[...document.querySelectorAll('a')].find(b=>b.innerText.trim()==='User Metadata').click()`)
	chromedp.Do(ctx, chromedp.Sleep(3*time.Second))
	u, _ = chromedp.Run(ctx, chromedp.Evaluate[string](`location.href`))
	t.Log(u)
	shoot(t, ctx, "explore-metadata")
	ev(`[...document.querySelectorAll('button')].find(b=>b.innerText.trim()==='More Actions').click()`)
	chromedp.Do(ctx, chromedp.Sleep(time.Second))
	h, _ := chromedp.Run(ctx, chromedp.Evaluate[string](`[...document.querySelectorAll('[role=menuitem]')].map(e=>e.dataset.testid+' | '+e.innerText.replaceAll('\n',' ')).filter(x=>!x.includes('timezones')).join('\n')`))
	t.Log(h)
	shoot(t, ctx, "explore-actions")
	ev(`[...document.querySelectorAll('[role=menuitem]')].find(b=>b.innerText.includes('Send an Update')).click()`)
	chromedp.Do(ctx, chromedp.Sleep(2*time.Second))
	shoot(t, ctx, "explore-update")
	ev(`document.querySelector('[data-testid=update-select-button]').click()`)
	chromedp.Do(ctx, chromedp.Sleep(1*time.Second))
	shoot(t, ctx, "explore-update2")
	h, _ = chromedp.Run(ctx, chromedp.Evaluate[string](`[...document.querySelectorAll('[role=option]')].map(e=>e.dataset.testid+' | '+e.innerText.replaceAll('\n',' ')).join('\n')`))
	t.Log(h)
	os.WriteFile("/tmp/dialog.html", []byte(strings.ReplaceAll(h, "><", ">\n<")), 0o644)
}
