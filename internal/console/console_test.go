package console_test

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"offboard/internal/console"
	"offboard/internal/offboard"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func golden(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", name+".golden")
	if *update {
		require.NoError(t, os.MkdirAll("testdata", 0o755))
		require.NoError(t, os.WriteFile(file, []byte(got), 0o644))
	}
	want, err := os.ReadFile(file)
	require.NoError(t, err)
	assert.Equal(t, string(want), got)
}

var (
	begun  = time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)
	prod   = offboard.Scope{Region: "eu-de", ResourceGroup: "00000000000000000000000000000001", ResourceGroupName: "prod"}
	test   = offboard.Scope{Region: "us-south", ResourceGroup: "00000000000000000000000000000002", ResourceGroupName: "test"}
	web    = offboard.ClusterRef{ID: "c1", Name: "web"}
	pay    = offboard.ClusterRef{ID: "c2", Name: "pay"}
	build  = offboard.ClusterRef{ID: "c3", Name: "build"}
	leaver = offboard.Person{IAMID: "IBMid-000000LEAV", Email: "leaver@acme.example"}
)

func plan() offboard.Plan {
	block := offboard.Dependent{Name: "block storage", Namespace: "kube-system", Kind: "Deployment", Workload: "ibm-vpc-block-csi-controller", Breaks: "block volumes can no longer be created, attached or resized"}
	return offboard.Plan{
		Digest: "0123456789ab", SurveyedAt: begun, Account: "acc", Leaver: leaver, Soak: offboard.Duration(24 * time.Hour), RemoveUser: true,
		Handovers: []offboard.Handover{
			{Scope: prod, Action: offboard.Reset, FunctionalID: "clusters-1@acme.example", Clusters: []offboard.PlannedCluster{
				{ClusterRef: web, Provider: "vpc-gen2", Type: "openshift", Dependents: []offboard.Dependent{block}},
				{ClusterRef: pay, Provider: "vpc-gen2", Type: "openshift", Dependents: []offboard.Dependent{block}},
			}},
			{Scope: test, Action: offboard.Refresh, Clusters: []offboard.PlannedCluster{{ClusterRef: build, Provider: "classic", Type: "kubernetes", Manual: "no route to host"}}},
		},
		Keys: []offboard.PlannedKey{
			{ID: "ApiKey-1", Name: "containers-kubernetes-key", Class: offboard.ClusterKey, Scope: prod, Created: begun.AddDate(-1, 0, 0), LastUsed: begun.Add(-2 * time.Hour)},
			{ID: "ApiKey-2", Name: "laptop", Class: offboard.PersonalKey, LastUsed: begun.AddDate(0, 0, -2)},
		},
		Findings: []offboard.Finding{
			{ID: "key/ApiKey-2", Severity: offboard.Decision, Text: "Personal key laptop was last used 2 days ago: whatever uses it stops.", Remedy: "Answer retire or keep.", Options: []string{"retire", "keep"}},
			{ID: "unreachable/it's c3", Severity: offboard.Decision, Text: "The Kubernetes API of cluster build cannot be reached.", Options: []string{"accept"}},
			{ID: "n", Severity: offboard.Note, Text: "Cluster old is deleting and is left alone."},
		},
	}
}

func progress(phase offboard.Phase) offboard.Progress {
	p := offboard.Progress{WorkflowID: "offboard/acc/1", Status: offboard.Running, Leaver: leaver,
		Request: offboard.Request{User: "leaver@acme.example", Ticket: "HR-1234"}}
	for i, ph := range []offboard.Phase{offboard.PhaseAdmit, offboard.PhaseSurvey, offboard.PhasePlan, offboard.PhaseApprove} {
		p.Enter(ph, begun.Add(time.Duration(i)*time.Second))
		if ph == phase {
			break
		}
	}
	if phase != p.Phase {
		p.Enter(phase, begun.Add(time.Minute))
	}
	pl := plan()
	p.Plan = &pl
	return p
}

// handing is a run in the middle of two hand-overs, one of which holds.
func handing() (offboard.Progress, map[string]offboard.ScopeProgress) {
	p := progress(offboard.PhaseHandOver)
	p.Approval = &offboard.Approval{By: "approver@acme.example", Digest: "0123456789ab"}
	p.Begin(plan(), nil)
	p.Scopes[0].State, p.Scopes[1].State = offboard.ScopeRunning, offboard.ScopeHeld
	live := map[string]offboard.ScopeProgress{}
	s := p.Scopes[0]
	s.Step, s.KeyMade, s.Started = "restart dependents", "ApiKey-9", begun.Add(time.Minute)
	s.Clusters = []offboard.ClusterProgress{
		{ClusterRef: web, Refreshed: true, Restarted: []string{"block storage"}, Healthy: true},
		{ClusterRef: pay, Refreshed: true, Step: "restart block storage"},
	}
	live[prod.ID()] = s
	hold := offboard.Hold{Subject: test.String(), Step: "refresh", Problem: "The master of build does not answer.", Means: "Cluster build still runs on the leaver's old key; nothing is broken.",
		Retry: "refreshes it again", Skip: "leaves the scope with the leaver", Abort: "stops the offboarding"}
	p.Scopes[1].Step, p.Scopes[1].Hold = "refresh", &hold
	p.Holds = []offboard.Hold{hold}
	return p, live
}

func ended() offboard.Report {
	p, _ := handing()
	p.Status, p.Phase, p.Message, p.Holds = offboard.Incomplete, offboard.PhaseReport, "One scope was skipped.", nil
	p.Account, p.DisabledAt = "acc", begun.Add(2*time.Hour)
	p.Scopes[0].State, p.Scopes[0].KeyMade = offboard.ScopeDone, "ApiKey-9"
	p.Scopes[1].State = offboard.ScopeSkipped
	p.Keys[0].State, p.Keys[0].DisabledAt, p.Keys[0].DeletedAt = offboard.KeyDeleted, begun.Add(2*time.Hour), begun.Add(26*time.Hour)
	p.Keys[1].State = offboard.KeyKept
	p.Plan.TokenLife = offboard.Duration(time.Hour)
	p.Answers = []offboard.HoldAnswer{{Subject: test.String(), Action: "skip", By: "sre@acme.example", Note: "cluster is gone", At: begun.Add(time.Hour)}}
	return offboard.NewReport(p, begun.Add(27*time.Hour))
}

// screens are the ways an output can be.
func screens(t *testing.T, name string, show func(*console.Console)) {
	t.Helper()
	for _, s := range []struct {
		name string
		make func(*bytes.Buffer) *console.Console
	}{
		{"piped", func(b *bytes.Buffer) *console.Console { return console.New(b, func(string) string { return "" }) }},
		{"terminal", func(b *bytes.Buffer) *console.Console { return console.Terminal(b, 100, 50, false) }},
		{"narrow-color", func(b *bytes.Buffer) *console.Console { return console.Terminal(b, 60, 50, true) }},
	} {
		t.Run(s.name, func(t *testing.T) {
			var b bytes.Buffer
			show(s.make(&b))
			golden(t, name+"."+s.name, b.String())
			if s.name != "narrow-color" {
				assert.NotContains(t, b.String(), "\x1b", "no marks where they were not asked for")
			}
		})
	}
}

func TestPlan(t *testing.T) {
	screens(t, "plan", func(c *console.Console) { c.Plan(plan()) })
}

func TestStatusThatWaitsForApproval(t *testing.T) {
	p := progress(offboard.PhaseApprove)
	p.Waiting = "approval of plan 0123456789ab"
	screens(t, "approve", func(c *console.Console) { c.Status(p, nil, begun.Add(3*time.Minute)) })
}

func TestStatusOfHandovers(t *testing.T) {
	p, live := handing()
	screens(t, "handover", func(c *console.Console) { c.Status(p, live, begun.Add(90*time.Second)) })
}

func TestStatusOfASoak(t *testing.T) {
	p, _ := handing()
	p.Holds = nil
	p.Enter(offboard.PhaseSoak, begun.Add(time.Hour))
	p.Soak = &offboard.SoakProgress{Until: begun.Add(25 * time.Hour), Probes: 3, Trouble: []string{"web: block storage has 0 of 1 pods ready"}}
	screens(t, "soak", func(c *console.Console) { c.Status(p, nil, begun.Add(90*time.Minute)) })
}

func TestReport(t *testing.T) {
	screens(t, "report", func(c *console.Console) { c.Report(ended()) })
}

func TestReportOfAPlan(t *testing.T) {
	p := progress(offboard.PhasePlan)
	p.Status, p.Message = offboard.Planned, "The plan is ready."
	screens(t, "planned", func(c *console.Console) { c.Report(offboard.NewReport(p, begun.Add(time.Minute))) })
}

// story is a run seen at several moments, some of them twice.
func story(show func(offboard.Progress, map[string]offboard.ScopeProgress, time.Time)) {
	show(progress(offboard.PhaseSurvey), nil, begun.Add(time.Second))
	waits := progress(offboard.PhaseApprove)
	waits.Waiting = "approval of plan 0123456789ab"
	show(waits, nil, begun.Add(4*time.Second))
	show(waits, nil, begun.Add(5*time.Second))
	p, live := handing()
	show(p, live, begun.Add(70*time.Second))
	show(p, live, begun.Add(71*time.Second))
	r := ended()
	show(r.Progress, nil, begun.Add(27*time.Hour))
}

func TestLivePipedSaysEachThingOnce(t *testing.T) {
	var b bytes.Buffer
	live := console.New(&b, func(string) string { return "" }).Live()
	story(live.Show)
	golden(t, "live.piped", b.String())
	seen := map[string]bool{}
	for line := range strings.Lines(b.String()) {
		text := strings.TrimLeft(line, "0123456789: ")
		assert.False(t, seen[text], "said twice: %s", line)
		seen[text] = true
	}
}

// screen is a terminal as far as the live view uses one.
type screen struct{ lines []string }

// write draws as a terminal does: it wraps long lines, goes up, and clears.
func (s *screen) write(t *testing.T, text string, width, height int) {
	t.Helper()
	for text != "" {
		if rest, found := strings.CutPrefix(text, "\x1b["); found {
			number, after, _ := strings.Cut(rest, "A")
			up := 0
			for _, d := range number {
				up = up*10 + int(d-'0')
			}
			require.Less(t, up, height, "a terminal cannot go above its top")
			s.lines = s.lines[:len(s.lines)-up]
			text = strings.TrimPrefix(after, "\x1b[J")
			continue
		}
		line, rest, _ := strings.Cut(text, "\n")
		row := []rune(line)
		for len(row) > width {
			s.lines = append(s.lines, string(row[:width]))
			row = row[width:]
		}
		s.lines = append(s.lines, string(row))
		text = rest
	}
}

func TestLiveTerminalRedrawsInPlace(t *testing.T) {
	var b bytes.Buffer
	c := console.Terminal(&b, 100, 50, false)
	live := c.Live()
	var s screen
	s.write(t, "before\n", 100, 50)
	story(func(p offboard.Progress, scopes map[string]offboard.ScopeProgress, now time.Time) {
		b.Reset()
		live.Show(p, scopes, now)
		s.write(t, b.String(), 100, 50)
		var once bytes.Buffer
		console.Terminal(&once, 100, 50, false).Status(p, scopes, now)
		var fresh screen
		fresh.write(t, "before\n"+once.String(), 100, 50)
		assert.Equal(t, fresh.lines, s.lines, "the screen holds one picture")
	})
}

func TestLiveFitsASmallTerminal(t *testing.T) {
	p, _ := handing()
	for i := range 40 {
		s := p.Scopes[0]
		s.Scope.Region, s.State = "eu-gb", offboard.ScopeDone
		if i%4 == 0 {
			s.State = offboard.ScopeWaiting
		}
		p.Scopes = append(p.Scopes, s)
	}
	for _, height := range []int{24, 10, 3} {
		var b bytes.Buffer
		live := console.Terminal(&b, 60, height, false).Live()
		var s screen
		for range 3 {
			b.Reset()
			live.Show(p, nil, begun.Add(time.Hour))
			s.write(t, b.String(), 60, height)
		}
		assert.Less(t, len(s.lines), height)
	}
	var b bytes.Buffer
	console.Terminal(&b, 100, 24, false).Live().Show(p, nil, begun.Add(time.Hour))
	assert.Contains(t, b.String(), "other scopes: 10 waiting, 30 done")
}

func TestElapsed(t *testing.T) {
	for d, want := range map[time.Duration]string{
		-time.Second: "0s", 420 * time.Millisecond: "0.4s", 12 * time.Second: "12s", 185 * time.Second: "3m05s",
		2*time.Hour + 10*time.Minute: "2h10m", 76 * time.Hour: "3d4h",
	} {
		assert.Equal(t, want, console.Elapsed(d))
	}
}

func TestCommandsAreShellWords(t *testing.T) {
	p := progress(offboard.PhaseApprove)
	command := console.New(&bytes.Buffer{}, func(string) string { return "" }).Approval(p)
	assert.Equal(t, `starter approve leaver@acme.example --by you@acme.example --digest 0123456789ab --answer key/ApiKey-2=retire --answer 'unreachable/it'\''s c3=accept'`, command)
}
