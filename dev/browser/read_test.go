//go:build browser

package browser_test

import (
	"bytes"
	"context"
	_ "embed"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// look.js finds what keeps a person from reading a page.
//
//go:embed look.js
var look string

// findings are what look.js returns, a sentence each.
type findings struct {
	Sideways []string `json:"sideways"` // what is wider than the window
	Faint    []string `json:"faint"`    // text with less contrast than 4.5 to 1
	Headings []string `json:"headings"` // that skip a level
	Cells    []string `json:"cells"`    // header cells that do not say what they are of
	Hidden   []string `json:"hidden"`   // folded, though nothing may be
	Texts    int      `json:"texts"`    // how many texts were measured
	Folds    int      `json:"folds"`    // how many parts are folded
}

// read opens a page as people do and says what keeps them from reading it. It keeps pictures and the paper.
func read(t *testing.T, ctx context.Context, file, name string, most int) {
	t.Helper()
	info, err := os.Stat(file)
	require.NoError(t, err)
	asked := requests(t, ctx)
	for _, theme := range []string{"light", "dark"} {
		for device, size := range map[string][2]int64{"phone": {360, 740}, "desk": {1280, 900}} {
			media(t, ctx, "", theme)
			require.NoError(t, chromedp.Do(ctx, chromedp.EmulateViewport(size[0], size[1])))
			visit(t, ctx, "file://"+file)
			unfold(t, ctx, false)
			shoot(t, ctx, strings.Join([]string{name, device, theme}, "-"))
			for _, open := range []bool{false, true} {
				unfold(t, ctx, open)
				where := fmt.Sprintf("%s, %s, %s, unfolded: %t", name, device, theme, open)
				f := looked(t, ctx)
				assert.Empty(t, f.Sideways, where)
				assert.Empty(t, f.Faint, where)
				assert.Empty(t, f.Headings, where)
				assert.Empty(t, f.Cells, where)
				assert.Greater(t, f.Texts, 30, where)
				if open {
					assert.Empty(t, f.Hidden, where)
				}
			}
		}
	}
	pages := paper(t, ctx, file, name)
	f := looked(t, ctx)
	t.Logf("%s: %d KiB, %d folds, %d pages of A4", name, info.Size()>>10, f.Folds, pages)
	assert.LessOrEqual(t, int(info.Size()), most, "%s is too large to be mailed around", name)
	assert.Equal(t, []string{"file://" + file}, asked(), "the page must load nothing")
}

// media prints or shows the page, in a theme.
func media(t *testing.T, ctx context.Context, kind, theme string) {
	t.Helper()
	_, err := chromedp.Call(ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Media: kind,
		Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: theme}}})
	require.NoError(t, err)
}

// unfold opens or closes what is folded.
func unfold(t *testing.T, ctx context.Context, open bool) {
	t.Helper()
	_, err := chromedp.Run(ctx, chromedp.Evaluate[bool](fmt.Sprintf(`document.querySelectorAll('details').forEach(d => d.open = %t); true`, open)))
	require.NoError(t, err)
}

func looked(t *testing.T, ctx context.Context) findings {
	t.Helper()
	f, err := chromedp.Run(ctx, chromedp.Evaluate[findings](look))
	require.NoError(t, err)
	return f
}

// paper prints a page that was read in the dark and left folded, and tells how many sheets it takes. Nothing may be
// folded there, and the ink is dark on white.
func paper(t *testing.T, ctx context.Context, file, name string) int {
	t.Helper()
	visit(t, ctx, "file://"+file)
	media(t, ctx, "print", "dark")
	require.NoError(t, chromedp.Do(ctx, chromedp.EmulateViewport(688, 1000))) // A4 without the margins
	f := looked(t, ctx)
	assert.Empty(t, f.Hidden, "%s on paper", name)
	assert.Empty(t, f.Sideways, "%s on paper", name)
	assert.Empty(t, f.Faint, "%s on paper", name)
	media(t, ctx, "", "dark")
	printed, err := chromedp.Call(ctx, page.PrintToPDF, page.PrintToPDFParams{PreferCSSPageSize: new(true), PrintBackground: new(true)})
	require.NoError(t, err)
	require.True(t, bytes.HasPrefix(printed.Data, []byte("%PDF-")))
	require.NoError(t, os.MkdirAll(screenshots, 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(screenshots, name+".pdf"), printed.Data, 0o644))
	return bytes.Count(printed.Data, []byte("/Type /Page\n"))
}

// requests notes every address that the browser asks for from now on.
func requests(t *testing.T, ctx context.Context) func() []string {
	t.Helper()
	var mu sync.Mutex
	var list []string
	require.NoError(t, chromedp.Listen(ctx, func(event any) {
		if sent, is := event.(*network.EventRequestWillBeSent); is {
			mu.Lock()
			defer mu.Unlock()
			list = append(list, sent.Request.URL)
		}
	}))
	_, err := chromedp.Call(ctx, network.Enable, network.EnableParams{})
	require.NoError(t, err)
	return func() []string {
		mu.Lock()
		defer mu.Unlock()
		slices.Sort(list)
		return slices.Compact(slices.Clone(list))
	}
}

// has asserts that the page says the words, be they folded.
func has(t *testing.T, ctx context.Context, words string) {
	t.Helper()
	there, err := chromedp.Run(ctx, chromedp.Evaluate[bool](fmt.Sprintf(`document.querySelector('main').textContent.includes(%q)`, words)))
	require.NoError(t, err)
	assert.True(t, there, words)
}
