package offboard

import (
	"fmt"
	"strings"
	"time"
)

// ReportVersion is the version of the report's JSON form. Fields are added within a version, never changed or removed.
const ReportVersion = 1

// Report is the result of an offboarding: what was done, by whom approved, what remains, and until when tokens that
// were issued before may live. It is made of a run's last progress by a pure function and holds no secret.
type Report struct {
	Version int    `json:"version"`
	Status  Status `json:"status"`
	Message string `json:"message"`
	// AccessEnds is the latest moment at which a token from one of the retired keys can still work, because tokens outlive
	// their keys. Zero where no key was retired. AliveKeys are keys that were not retired: while there is one, access has
	// not ended.
	AccessEnds time.Time `json:"accessEnds,omitzero"`
	AliveKeys  int       `json:"aliveKeys,omitempty"`
	Started    time.Time `json:"started"`
	Ended      time.Time `json:"ended"`
	Progress   Progress  `json:"progress"`
	// Rehearsal is there if nothing of this happened to an account: see there.
	Rehearsal *Rehearsal `json:"rehearsal,omitempty"`
	// Seal is there in what was kept or printed as a file, never in a run's result.
	Seal *Seal `json:"seal,omitempty"`
}

// NewReport makes the report of a run that ends now.
func NewReport(p Progress, now time.Time) Report {
	p.Residual = residual(p)
	r := Report{Version: ReportVersion, Status: p.Status, Message: p.Message, Ended: now}
	if len(p.Timings) > 0 {
		r.Started = p.Timings[0].Started
	}
	if p.Prune != nil {
		r.Progress = p // nobody's access ends with a key that nobody uses
		return r
	}
	if !p.DisabledAt.IsZero() && p.Plan != nil && p.Status != Reinstated && p.Status != RolledBack {
		r.AccessEnds = p.DisabledAt.Add(p.Plan.TokenLife.Std())
	}
	r.Progress, r.AliveKeys = p, p.Alive()
	return r
}

// Alive counts the keys of the leaver that still work, or would if nobody else had disabled them.
func (p Progress) Alive() int {
	n := 0
	for _, k := range p.Keys {
		if k.State == KeyActive || k.State == KeyKept {
			n++
		}
	}
	return n
}

// residual lists what remains, from what was and was not done.
func residual(p Progress) []string {
	list := append([]string(nil), p.Residual...)
	if p.Status == Planned || p.Status == AlreadyGone || p.Status == Rejected || (p.Status == Running && !p.Begun()) {
		return list
	}
	for _, s := range p.Scopes {
		switch {
		case s.State == ScopeDone || p.Status == Reinstated || p.Status == RolledBack:
		case p.Move != nil && s.KeyMade != "":
			list = append(list, fmt.Sprintf("Scope %s has its new key %s, but not everything in it is proven to run on it (%s); the old key is kept.", s.Scope, s.KeyMade, s.State))
		case p.Move != nil:
			list = append(list, fmt.Sprintf("Scope %s was not handed over (%s): its key stays with its owner.", s.Scope, s.State))
		case s.KeyMade != "":
			list = append(list, fmt.Sprintf("Scope %s has its new key %s, but not everything in it is proven to run on it (%s); the leaver's old key is kept.", s.Scope, s.KeyMade, s.State))
		default:
			list = append(list, fmt.Sprintf("Scope %s was not handed over (%s): its key stays with the leaver.", s.Scope, s.State))
		}
	}
	for _, k := range p.Keys {
		turned := p.Status == Reinstated || p.Status == RolledBack
		if k.State == KeyDeleted || (turned && !k.Disabled) {
			continue // a person who stays keeps their keys
		}
		list = append(list, fmt.Sprintf("Key %s (%s) is %s.", k.Name, k.ID, k.State))
	}
	for _, w := range p.Waivers {
		list = append(list, "Not verified: "+w)
	}
	if p.Plan == nil || !p.Leaves() {
		return list
	}
	if !p.UserRemoved && (p.Status == Completed || p.Status == Incomplete) {
		list = append(list, fmt.Sprintf("%s is still a user of the account.", p.Leaver.Email))
	}
	cleaned := map[string]bool{}
	for _, c := range p.Changes {
		cleaned[c.Target] = true
	}
	for _, b := range p.Plan.Bindings {
		if !cleaned[b.Target()] {
			list = append(list, fmt.Sprintf("%s in cluster %s still names the leaver.", b.Binding, b.Cluster.Name))
		}
	}
	return list
}

// Target identifies a binding over all clusters.
func (b ClusterBinding) Target() string { return b.Cluster.ID + "/" + b.Binding.String() }

// Remains tells whether anything is left that keeps an offboarding from being complete: keys, scopes, the user. Bindings
// that the policy leaves alone do not count; they give no access without the user.
func (p *Progress) Remains() bool {
	return p.AnyKeyLeft() || p.HandedOver() < len(p.Scopes) || len(p.Waivers) > 0 ||
		(p.Request.RemoveUser && !p.UserRemoved)
}

// Markdown is the report as text.
func (r Report) Markdown() string {
	p := r.Progress
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }

	line("# %s: %s", r.Title(), r.Status)
	line("")
	if r.Rehearsal != nil {
		line("> **%s** %s\n", r.Rehearsal.Banner(), r.Rehearsal.Sentence())
	}
	line("%s", r.Message)
	line("")
	line("| | |\n|---|---|")
	row := func(what, value string) {
		if value != "" {
			line("| %s | %s |", what, cell(value))
		}
	}
	row("Account", r.account())
	row("User", strings.TrimSpace(p.Leaver.Email+" "+p.Leaver.IAMID))
	row("Requested by", p.Request.RequestedBy)
	row("Ticket", p.Request.Ticket)
	row("Reason", p.Request.Reason)
	row("Approved by", approvedBy(p))
	row("Begun", clock(r.Started))
	row(r.endIs(), clock(r.Ended))
	alive := p.Alive()
	switch {
	case r.AccessEnds.IsZero():
	case alive > 0:
		row("Access", fmt.Sprintf("has not ended: %s alive; tokens of the others stop working no later than %s", counted(alive, "key is", "keys are"), clock(r.AccessEnds)))
	default:
		row("Access ends no later than", clock(r.AccessEnds))
	}
	row("Run", p.WorkflowID+" "+p.RunID)
	if r.Seal != nil {
		row("Engine version", r.Seal.Engine)
		row("Report version", fmt.Sprint(r.Version))
		row("Content hash", r.Seal.Hash)
		row("Signed with", r.Seal.PublicKey)
	}
	if r.Rehearsal != nil {
		b.WriteString(rehearsalMarkdown(r.Rehearsal))
	}
	b.WriteString(scopesMarkdown(p))
	b.WriteString(clustersMarkdown(p))
	b.WriteString(keysMarkdown(p))
	section := func(title string, items []string) {
		if len(items) == 0 {
			return
		}
		line("\n## %s\n", title)
		for _, i := range items {
			line("- %s", i)
		}
	}
	section("What remains", p.Residual)
	section("Notices that did not arrive", p.Unsent)
	b.WriteString(answersMarkdown(p))
	b.WriteString(changesMarkdown(p))
	b.WriteString(timingsMarkdown(p))
	if p.Plan != nil {
		ahead := ""
		if !p.Begun() {
			ahead = foresightMarkdown(*p.Plan)
		}
		b.WriteString(planMarkdown(*p.Plan, ahead))
	}
	return b.String()
}

// endIs names the moment at which the report ends: a run that goes on has not ended.
func (r Report) endIs() string {
	if r.Status == Running {
		return "As of"
	}
	return "Ended"
}

// name is who, or what, a run is about.
func name(p Progress) string {
	if p.Prune != nil {
		return p.Prune.String()
	}
	if p.Move != nil {
		return p.Move.String()
	}
	if p.Leaver.Email != "" {
		return p.Leaver.Email
	}
	return p.Request.User
}

// Title says in a few words what a run is for.
func (p Progress) Title() string {
	if p.Move != nil {
		return "Move of " + name(p)
	}
	if p.Prune != nil {
		return "Prune of " + name(p)
	}
	return "Offboarding of " + name(p)
}

func approvedBy(p Progress) string {
	switch a := p.Approval; {
	case a == nil:
		return ""
	case a.Automatic:
		return "nobody: the request asked for no approval, which the policy permits"
	default:
		how := "claimed"
		if a.Verified {
			how = "verified"
		}
		return fmt.Sprintf("%s (%s) on plan %s at %s", a.By, how, a.Digest, clock(a.At))
	}
}

func clustersMarkdown(p Progress) string {
	var b strings.Builder
	for _, s := range p.Scopes {
		for _, c := range s.Clusters {
			if b.Len() == 0 {
				b.WriteString("\n## Clusters\n\n| cluster | scope | owner of the key | master refreshed | restarted | healthy |\n|---|---|---|---|---|---|\n")
			}
			fmt.Fprintf(&b, "| %s | %s | %s | %s | %s | %s |\n", cell(c.Name), cell(s.Scope.String()), dash(c.Owner), yes(c.Refreshed), dash(strings.Join(c.Restarted, ", ")), yes(c.Healthy))
		}
	}
	return b.String()
}

func yes(v bool) string {
	if v {
		return "yes"
	}
	return "no"
}

func answersMarkdown(p Progress) string {
	if len(p.Answers) == 0 && len(p.Decisions) == 0 {
		return ""
	}
	var b strings.Builder
	b.WriteString("\n## Answers of people\n\n")
	for _, id := range sortedKeys(p.Decisions) {
		fmt.Fprintf(&b, "- `%s`: %s (at approval)\n", id, p.Decisions[id])
	}
	for _, a := range p.Answers {
		fmt.Fprintf(&b, "- %s: `%s` for %s by %s. %s\n", clock(a.At), a.Action, a.Subject, a.By, a.Note)
	}
	return b.String()
}

func changesMarkdown(p Progress) string {
	if len(p.Changes) == 0 {
		return ""
	}
	var b strings.Builder
	b.WriteString("\n## Every change\n\n| time | change | target | as | Activity Tracker event | request ID |\n|---|---|---|---|---|---|\n")
	for _, c := range p.Changes {
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s | %s |\n", clock(c.At), cell(c.What), cell(c.Target), dash(c.By), dash(c.Event), dash(c.RequestID))
	}
	return b.String()
}

func timingsMarkdown(p Progress) string {
	if len(p.Timings) == 0 {
		return ""
	}
	var b strings.Builder
	b.WriteString("\n## Timeline\n\n| phase | begun | took |\n|---|---|---|\n")
	for _, t := range p.Timings {
		took := "–"
		if !t.Ended.IsZero() {
			took = t.Ended.Sub(t.Started).Round(time.Second / 10).String()
		}
		fmt.Fprintf(&b, "| %s | %s | %s |\n", t.Phase, clock(t.Started), took)
	}
	return b.String()
}
