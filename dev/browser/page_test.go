//go:build browser

package browser_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"
)

// helpers find things as a person does: by what they say, among what can be seen.
const helpers = `
	window.seen = (selector, text) => [...document.querySelectorAll(selector)].filter(e => e.offsetParent && (!text || e.innerText.trim().startsWith(text))).pop();
	true`

// visit opens a page.
func visit(t *testing.T, ctx context.Context, url string) {
	t.Helper()
	require.NoError(t, chromedp.Do(ctx, chromedp.Navigate(url)))
	_, err := chromedp.Run(ctx, chromedp.Evaluate[bool](helpers))
	require.NoError(t, err)
}

// press clicks on the last thing seen that matches the selector and begins with the text.
func press(t *testing.T, ctx context.Context, selector, text string) {
	t.Helper()
	waitFor(t, ctx, fmt.Sprintf("%s %q", selector, text), fmt.Sprintf(`(() => { const e = seen(%q, %q); return !!e && !e.disabled })()`, selector, text))
	_, err := chromedp.Run(ctx, chromedp.Evaluate[bool](fmt.Sprintf(`seen(%q, %q).click(); true`, selector, text)))
	require.NoError(t, err)
}

// write puts text into the code editor that is seen, at once, so that the editor closes no brackets by itself. An editor
// that was only just drawn does not listen yet, hence the second look.
func write(t *testing.T, ctx context.Context, text string) {
	t.Helper()
	waitFor(t, ctx, "an editor that takes the text", fmt.Sprintf(`(() => {
		const editor = seen('.cm-content'), bare = s => s.replaceAll(/\s/g, ''), text = %q
		if (!editor) return false
		if (bare(editor.innerText) === bare(text)) return true
		editor.focus()
		document.execCommand('selectAll')
		document.execCommand('insertText', false, text)
		return false
	})()`, text))
}

// shows waits until the page can be read to say all of the words.
func shows(t *testing.T, ctx context.Context, words ...string) {
	t.Helper()
	for _, w := range words {
		waitFor(t, ctx, "the page to say "+w, fmt.Sprintf(`document.body.innerText.includes(%q)`, w))
	}
}

// details opens the tab that shows how a run stands and returns what can be read there, once it says the words. The
// Web UI draws the text in a frame of its own.
func details(t *testing.T, ctx context.Context, words string) string {
	t.Helper()
	press(t, ctx, "a", "User Metadata")
	const read = `document.getElementById('user-metadata-current-details')?.contentDocument?.body?.innerText ?? ''`
	waitFor(t, ctx, "the details to say "+words, fmt.Sprintf("(%s).includes(%q)", read, words))
	said, err := chromedp.Run(ctx, chromedp.Evaluate[string](read))
	require.NoError(t, err)
	return said
}

func waitFor(t *testing.T, ctx context.Context, what, condition string) {
	t.Helper()
	_, err := chromedp.Run(ctx, chromedp.Poll[bool](condition, chromedp.WithPollingInterval(100*time.Millisecond), chromedp.WithPollingTimeout(30*time.Second)))
	if err != nil {
		shoot(t, ctx, "failed-"+t.Name())
		t.Fatalf("wait for %s: %v\nthe page says:\n%s", what, err, text(ctx))
	}
}

// text is what a person can read on the page.
func text(ctx context.Context) string {
	s, err := chromedp.Run(ctx, chromedp.Evaluate[string](`document.body.innerText`))
	if err != nil {
		return "nothing: " + err.Error()
	}
	return s
}
