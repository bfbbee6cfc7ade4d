package offboard_test

import (
	"encoding/xml"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"offboard/internal/offboard"
)

func pageOf(t *testing.T, r offboard.Report) string {
	t.Helper()
	page, err := r.HTML()
	require.NoError(t, err)
	return string(page)
}

// shows and hides look into a page without printing all of it when they fail.
func shows(t *testing.T, page, part string) {
	t.Helper()
	assert.True(t, strings.Contains(page, part), "the page does not show %q", part)
}

func hides(t *testing.T, page, part string) {
	t.Helper()
	assert.False(t, strings.Contains(page, part), "the page shows %q", part)
}

// allReports are the runs, and a plan-only report of every named situation.
func allReports() []run {
	list := runs()
	for _, s := range situations() {
		plan := planOf(s.edits...)
		p := begun(offboard.Planned, "This is the plan. Nothing was changed.")
		p.Plan = &plan
		list = append(list, run{"plan of " + s.name, offboard.NewReport(p, surveyedAt)})
	}
	return list
}

// TestHTMLOfEveryReport looks at what every page must have. With OFFBOARD_WRITE_SAMPLE=DIR it writes the pages there, to
// be looked at by people.
func TestHTMLOfEveryReport(t *testing.T) {
	dir := os.Getenv("OFFBOARD_WRITE_SAMPLE")
	for _, run := range allReports() {
		t.Run(run.name, func(t *testing.T) {
			page := pageOf(t, run.report)
			if dir != "" {
				require.NoError(t, os.WriteFile(filepath.Join(dir, fileName(run.name)+".html"), []byte(page), 0o600))
			}
			assert.True(t, strings.HasPrefix(page, "<!doctype html>\n<html lang=\"en\">"))
			assertWellFormed(t, page)
			assertHeadingsInOrder(t, page)
			assertTablesAreLabelled(t, page)
			assertLoadsNothing(t, page)
			shows(t, page, `<p class="word">`+string(run.report.Status)+`</p>`)
			shows(t, page, escaped(run.report.Message))
			for _, r := range run.report.Progress.Residual {
				shows(t, page, escaped(r))
			}
		})
	}
}

func escaped(s string) string {
	return strings.NewReplacer("&", "&amp;", "'", "&#39;", `"`, "&#34;", "<", "&lt;", ">", "&gt;").Replace(s)
}

// assertWellFormed reads the page as HTML that is also tidy: each element is closed in its order.
func assertWellFormed(t *testing.T, page string) {
	t.Helper()
	d := xml.NewDecoder(strings.NewReader(page))
	d.Entity = xml.HTMLEntity
	ids := map[string]bool{}
	for {
		token, err := d.Token()
		if token == nil && err != nil {
			assert.ErrorContains(t, err, "EOF")
			assert.NotContains(t, err.Error(), "unexpected")
			return
		}
		require.NoError(t, err)
		start, is := token.(xml.StartElement)
		if !is {
			continue
		}
		for _, a := range start.Attr {
			if a.Name.Local == "id" {
				assert.False(t, ids[a.Value], "two elements are named %s", a.Value)
				ids[a.Value] = true
			}
			assert.False(t, strings.HasPrefix(a.Name.Local, "on"), "no handlers")
		}
	}
}

func assertHeadingsInOrder(t *testing.T, page string) {
	t.Helper()
	level := 0
	for _, m := range regexp.MustCompile(`<h([1-6])[ >]`).FindAllStringSubmatch(page, -1) {
		n, err := strconv.Atoi(m[1])
		require.NoError(t, err)
		assert.LessOrEqual(t, n, level+1, "a heading skips a level")
		level = n
	}
	assert.Equal(t, 1, strings.Count(page, "<h1>"))
}

func assertTablesAreLabelled(t *testing.T, page string) {
	t.Helper()
	tables := strings.Count(page, "<table")
	assert.Equal(t, tables, strings.Count(page, "<caption>"))
	for _, th := range regexp.MustCompile(`<th[ >][^>]*>?`).FindAllString(page, -1) {
		assert.Contains(t, th, `scope="`)
	}
	drawings := regexp.MustCompile(`(?s)<svg[^>]*>.*?</svg>`).FindAllString(page, -1)
	for _, svg := range drawings {
		assert.True(t, strings.Contains(svg, "<title>") || strings.Contains(svg, `aria-hidden="true"`), "%s says nothing", svg)
	}
}

func assertLoadsNothing(t *testing.T, page string) {
	t.Helper()
	assert.Empty(t, regexp.MustCompile(`(?i)https?:|//[a-z]|url\(|@import|<script|<link|<img|<iframe|<object|<form|src=|href=`).FindAllString(page, -1))
	shows(t, page, `content="default-src 'none'; style-src 'unsafe-inline'"`)
}

func TestHTMLTellsTheWholeStory(t *testing.T) {
	page := pageOf(t, completed())
	for _, part := range []string{
		"Offboarding of Leaver@acme.example", "HR-1234", "leaves the company", "requester@acme.example", "approver@acme.example", "identity verified",
		"Agreed with the team leads.", "Access ends no later than", "2026-09-14 15:23:57 UTC", "4 of 4", "6 of 6",
		"ApiKey-new-eu-de-shop", "kube-system/ibm-vpc-block-csi-controller", "invited by this run", "answer: retire",
		"containers-kubernetes.account-api-key.reset", "iam-identity.user-apikey.delete", "Restarted both controllers from the jump host.",
		"The plan that was approved", completed().Progress.Approval.Digest, completed().Progress.RunID,
	} {
		shows(t, page, part)
	}
	hides(t, page, "What remains")
	hides(t, page, "name claimed")
	shows(t, page, `<td data-label="Owner before">Leaver@acme.example</td><td data-label="Owner now">clusters-1@acme.example</td>`)
	assert.Less(t, strings.Index(page, "reset the cluster key of us-south/shop"), strings.Index(page, "refreshed the master of prod"), "changes in the order of time")
}

// Of the same run in another state the page says something else.
func TestHTMLSaysHowSureItIs(t *testing.T) {
	r := completed()
	r.Progress.Approval.Verified = false
	shows(t, pageOf(t, r), "name claimed")

	page := pageOf(t, automatic())
	shows(t, page, "no approval asked")
	shows(t, page, "before this run")

	page = pageOf(t, incomplete())
	shows(t, page, "Access has not ended")
	shows(t, page, "2 are still alive")
	shows(t, page, "skipped: reset")
	shows(t, page, "Other answers at approval")
	hides(t, page, "Access ends no later than")

	shows(t, pageOf(t, underWay()), "Waiting for a person")
	shows(t, pageOf(t, rejected()), "<dd>nobody")
	shows(t, pageOf(t, rolledBack()), "failed: prepare")
}

func TestHTMLLeavesOutWhatIsEmpty(t *testing.T) {
	page := pageOf(t, alreadyGone())
	for _, id := range []string{"remains", "scopes", "keys", "hands", "findings", "changes", "plan", "holds"} {
		hides(t, page, `id="`+id+`"`)
	}
	page = pageOf(t, planned())
	for _, id := range []string{"remains", "scopes", "keys", "changes", "holds"} {
		hides(t, page, `id="`+id+`"`)
	}
	assert.Less(t, strings.Index(page, `id="plan"`), strings.Index(page, `id="timeline"`), "a plan comes first where it is the result")
	bare := pageOf(t, offboard.Report{})
	hides(t, bare, `id="timeline"`)
	hides(t, bare, "0001-01-01")
}

// Names, notes and answers come from people and from other systems.
func TestHTMLEscapesHostileTexts(t *testing.T) {
	const evil = `<script>alert("x")</script><img src=x onerror=alert(1)>'"--><!--`
	r := incomplete()
	r.Message = evil
	p := &r.Progress
	p.WorkflowID, p.Leaver.Email, p.Leaver.Name, p.Account, p.Request.Reason, p.Request.Ticket = evil, evil, evil, evil, evil, evil
	p.Approval.By, p.Approval.Note, p.Answers[0].Note, p.Answers[0].Subject = evil, evil, evil, evil
	p.Scopes[0].Scope.ResourceGroupName, p.Scopes[0].Clusters[0].Name, p.Scopes[0].Clusters[0].Restarted = evil, evil, []string{evil}
	p.Scopes[0].State = evil
	p.Keys[0].Name, p.Keys[0].State = evil, evil
	p.Changes[0].What, p.Changes[0].Event, p.Changes[0].Target = evil, evil, evil
	p.Decisions[evil] = evil
	p.Residual = []string{evil}
	p.Timings[0].Phase = evil
	p.Plan.Handovers[0].Clusters[0].Name, p.Plan.Findings[0].Text, p.Plan.Findings[0].Remedy = evil, evil, evil
	page := pageOf(t, r)

	assertWellFormed(t, page)
	assertLoadsNothing(t, strings.ReplaceAll(page, escaped(evil), ""))
	hides(t, page, "<script")
	hides(t, page, "<img")
	shows(t, page, "&lt;script&gt;")
}

func TestTimelineDrawsWaitsScopesAndAnswers(t *testing.T) {
	page := pageOf(t, completed())
	for _, alt := range []string{
		"Wait: from 2026-09-11 04:30:00 UTC to 2026-09-14 08:30:00 UTC, 3 d 4 h", "Hand over: from", "us-south/data: from",
		"Issued tokens: from 2026-09-14 14:23:57 UTC to 2026-09-14 15:23:57 UTC, 1 h", "approved by approver@acme.example at", "retry for us-south/",
	} {
		shows(t, page, alt)
	}
	bars := regexp.MustCompile(`<rect class="\w+" x="([0-9.]+)" y="2" width="([0-9.]+)"`).FindAllStringSubmatch(page, -1)
	require.Greater(t, len(bars), len(completed().Progress.Timings))
	for _, b := range bars {
		x, err := strconv.ParseFloat(b[1], 64)
		require.NoError(t, err)
		width, err := strconv.ParseFloat(b[2], 64)
		require.NoError(t, err)
		assert.Positive(t, width)
		assert.LessOrEqual(t, x+width, 1000.1, "inside the axis")
	}
}

func TestTimelineOfAnInstantIsLeftOut(t *testing.T) {
	r := alreadyGone()
	r.Progress.Timings = []offboard.Timing{{Phase: offboard.PhaseAdmit, Started: surveyedAt, Ended: surveyedAt}}
	hides(t, pageOf(t, r), `id="timeline"`)

	r.Progress.Timings[0].Ended, r.Ended = time.Time{}, surveyedAt.Add(time.Minute)
	shows(t, pageOf(t, r), "Admit: from 2026-09-14 08:30:00 UTC to 2026-09-14 08:31:00 UTC, 1 min")
}

// The colours can be read by everybody: at least 4.5 to 1 (WCAG 2, AA), in the light, in the dark and on paper.
func TestHTMLContrast(t *testing.T) {
	page := pageOf(t, completed())
	palettes := regexp.MustCompile(`(?s):root \{(.*?)\}`).FindAllStringSubmatch(page, -1)
	require.Len(t, palettes, 3, "light, dark, paper")
	for i, p := range palettes {
		colour := map[string]string{}
		for _, m := range regexp.MustCompile(`--([a-z-]+): (#[0-9a-f]{6})`).FindAllStringSubmatch(p[1], -1) {
			colour[m[1]] = m[2]
		}
		pairs := [][2]string{{"ink", "page"}, {"ink", "sheet"}, {"ink", "raised"}, {"soft", "sheet"}, {"soft", "raised"}}
		for _, tone := range []string{"good", "warn", "bad", "info", "calm"} {
			pairs = append(pairs, [2]string{tone, tone + "-back"}, [2]string{"ink", tone + "-back"})
		}
		for _, pair := range pairs {
			require.Contains(t, colour, pair[0])
			require.Contains(t, colour, pair[1])
			assert.GreaterOrEqual(t, contrast(t, colour[pair[0]], colour[pair[1]]), 4.5, "palette %d: %s on %s", i, pair[0], pair[1])
		}
	}
}

// contrast is the ratio of WCAG 2.
func contrast(t *testing.T, a, b string) float64 {
	t.Helper()
	la, lb := luminance(t, a), luminance(t, b)
	return (max(la, lb) + 0.05) / (min(la, lb) + 0.05)
}

func luminance(t *testing.T, hex string) float64 {
	t.Helper()
	n, err := strconv.ParseUint(hex[1:], 16, 32)
	require.NoError(t, err)
	part := func(shift int) float64 {
		c := float64(n>>shift&0xff) / 255
		if c <= 0.04045 {
			return c / 12.92
		}
		return math.Pow((c+0.055)/1.055, 2.4)
	}
	return 0.2126*part(16) + 0.7152*part(8) + 0.0722*part(0)
}
