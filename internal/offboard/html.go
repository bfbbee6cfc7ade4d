package offboard

import (
	"bytes"
	_ "embed"
	"fmt"
	"html/template"
	"slices"
)

//go:embed report.tmpl.html
var pageText string

//go:embed evidence.tmpl.html
var evidenceText string

var pageTemplate = template.Must(template.New("report").Funcs(template.FuncMap{
	"stamp":    stamp,
	"twoLines": twoLines,
	"orDash":   orDash,
	"yes":      yes,
	"radius":   Radius,
	"restarts": restarts,
	"purpose":  purpose,
	"long":     func(rows int) bool { return rows > 40 },
	"many":     func(members int) bool { return members > 6 },
	"clusters": countClusters,
	"sayAction": func(h Handover) string {
		return sayAction(h.Action, h.FunctionalID)
	},
}).Parse(evidenceText + rehearsalText + pageText))

// HTML is the report as one page that is complete in itself: it loads nothing, runs no script, and can be read on a
// phone, in the dark and on paper. Everything that comes from outside is escaped. A part that has nothing to say is
// left out, so that the page serves every status. An error is a defect of ours.
func (r Report) HTML() ([]byte, error) {
	var b bytes.Buffer
	if err := pageTemplate.Execute(&b, newPage(r)); err != nil {
		return nil, fmt.Errorf("render the report of %s: %w", r.Progress.WorkflowID, err)
	}
	return b.Bytes(), nil
}

// page is what the template shows: the report, and what must be worked out of it.
type page struct {
	report        Report
	P             Progress
	Seal          *Seal
	Rehearsal     *rehearsed
	Begun         bool // an approved plan was begun: what was done comes before what was planned
	Kind, Title   string
	Status        Status
	Tone, Meaning string
	Message       string
	Numbers       []number
	AccessEnds    any // time.Time, or nil where there is none
	Alive         int // keys of the leaver that still work
	Facts, Record []fact
	Chart         *chart
	Scopes        []scopeRow
	Map           []mapRow
	Lives         []lifeline
	Foresight     *Foresight // of a plan that was not begun
	Keys          []keyRow
	Hands         []handRow
	Findings      []findingGroup
	Stray         []string // answers to questions that the plan no longer asks
	PlanTitle     string
	PlanSentence  string
}

type number struct{ Value, Of string }

type chip struct{ Text, Tone string }

type fact struct {
	Name, Value string
	Code        bool
	Chip        *chip
	More        string
}

func newPage(r Report) page {
	p := r.Progress
	p.Changes = slices.Clone(p.Changes)
	slices.SortStableFunc(p.Changes, func(a, b Change) int { return a.At.Compare(b.At) }) // scopes report theirs when they end
	v := page{report: r, Seal: r.Seal, P: p, Begun: p.Begun(), Kind: "Offboarding report", Title: p.Title(), Status: r.Status, Message: r.Message,
		Chart: timeline(r), Scopes: scopeRows(p), Map: scopeMap(p), Lives: lives(r), Keys: keyRows(p), Hands: handRows(p),
		Facts: who(r), Record: record(r), Numbers: numbers(p), PlanTitle: "The plan"}
	v.Tone, v.Meaning = meaning(r.Status)
	if r.Status == Rejected && p.Prune != nil {
		v.Meaning = "Nobody agreed to the plan. Nothing was changed."
	}
	waits := r.Status == Running && p.Phase == PhaseApprove && !v.Begun
	if waits {
		v.Meaning = "This is a plan that waits for a yes. Nothing was changed."
	}
	switch {
	case p.Prune != nil && (r.Status == Planned || waits):
		v.Kind = "Plan to prune superseded cluster keys"
	case p.Prune != nil:
		v.Kind = "Report on pruned cluster keys"
	case p.Move != nil && (r.Status == Planned || waits):
		v.Kind = "Plan to move cluster keys"
	case p.Move != nil:
		v.Kind = "Report on moved cluster keys"
	case r.Status == Planned, waits:
		v.Kind = "Offboarding plan"
	}
	if !r.AccessEnds.IsZero() {
		v.AccessEnds = r.AccessEnds
		v.Alive = p.Alive()
	}
	if p.Plan != nil {
		v.PlanSentence = planSentence(*p.Plan)
		if p.Approval != nil {
			v.PlanTitle = "The plan that was approved"
		}
		if !v.Begun && !p.Plan.Empty() {
			f := NewForesight(*p.Plan)
			v.Foresight = &f
		}
	}
	v.Findings, v.Stray = findingGroups(p)
	if r.Rehearsal != nil {
		v.Rehearsal, v.Kind, v.Title = newRehearsed(r.Rehearsal), "Rehearsal", r.Title()
	}
	return v
}

// meaning says a status in a sentence for somebody who has never seen one, and how it is coloured.
func meaning(s Status) (tone, sentence string) {
	switch s {
	case Completed:
		return "good", "Everything that was planned is done and confirmed."
	case Incomplete:
		return "warn", "Something remains. It is listed under “What remains”."
	case Planned:
		return "info", "This is a plan only. Nothing was changed."
	case Rejected:
		return "calm", "Nobody agreed to the plan. Nothing of the leaver was changed."
	case Reinstated:
		return "calm", "The person stays. What could be taken back was taken back."
	case RolledBack:
		return "bad", "The run was given up. What could be taken back was taken back."
	case AlreadyGone:
		return "calm", "The person was not in the account. Nothing was changed."
	}
	return "info", "The run is still under way; this is how it stands."
}

// numbers are the result at a glance; none where nothing was begun.
func numbers(p Progress) []number {
	if len(p.Scopes) == 0 && len(p.Keys) == 0 {
		return plannedNumbers(p)
	}
	if p.Prune != nil {
		return prunedNumbers(p)
	}
	of := func(n, all int) string { return fmt.Sprintf("%d of %d", n, all) }
	healthy, clusters := 0, 0
	for _, s := range p.Scopes {
		for _, c := range s.Clusters {
			clusters++
			if c.Healthy {
				healthy++
			}
		}
	}
	deleted := 0
	for _, k := range p.Keys {
		if k.State == KeyDeleted {
			deleted++
		}
	}
	user := "Stays"
	if p.UserRemoved {
		user = "Removed"
	}
	return []number{
		{of(p.HandedOver(), len(p.Scopes)), "scopes handed over"},
		{of(healthy, clusters), "clusters seen healthy"},
		{of(deleted, len(p.Keys)), "keys deleted"},
		{user, "user of the account"},
		{fmt.Sprint(len(p.Residual)), plural(len(p.Residual), "item remains", "items remain")},
	}
}

func plannedNumbers(p Progress) []number {
	if p.Plan == nil {
		return nil
	}
	plan := *p.Plan
	if plan.Prunes() {
		return prunedNumbers(p)
	}
	decisions := count(plan.Findings, Decision)
	return []number{
		{fmt.Sprint(len(plan.Handovers)), plural(len(plan.Handovers), "scope to hand over", "scopes to hand over")},
		{fmt.Sprint(plan.Clusters()), plural(plan.Clusters(), "cluster", "clusters")},
		{fmt.Sprint(len(plan.Keys)), plural(len(plan.Keys), "key to retire", "keys to retire")},
		{fmt.Sprint(decisions), plural(decisions, "decision to make", "decisions to make")},
		{fmt.Sprint(plan.Blockers()), plural(plan.Blockers(), "blocker", "blockers")},
	}
}

func plural(n int, one, many string) string {
	if n == 1 {
		return one
	}
	return many
}

func who(r Report) []fact {
	p := r.Progress
	var list []fact
	add := func(f fact) {
		if f.Value != "" {
			list = append(list, f)
		}
	}
	subject := "Person"
	if p.Move != nil {
		subject = "Scopes"
	}
	if p.Prune != nil {
		subject = "Keys"
	}
	add(fact{Name: subject, Value: name(p), More: p.Leaver.Name})
	add(fact{Name: "IAM ID", Value: p.Leaver.IAMID, Code: true})
	add(fact{Name: "Account", Value: r.account(), Code: true})
	add(fact{Name: "Ticket", Value: p.Request.Ticket})
	add(fact{Name: "Reason", Value: p.Request.Reason})
	add(fact{Name: "Requested by", Value: p.Request.RequestedBy, More: "(as stated)"})
	if !p.Request.LastDay.IsZero() {
		add(fact{Name: "Last day", Value: stamp(p.Request.LastDay)})
	}
	if p.Approval != nil {
		add(approvalFact(*p.Approval))
		add(fact{Name: "Approved plan", Value: p.Approval.Digest, Code: true})
		add(fact{Name: "Their note", Value: p.Approval.Note})
	} else if p.Plan != nil && r.Status != Planned {
		add(fact{Name: "Approved by", Value: "nobody"})
	}
	if !r.Started.IsZero() {
		add(fact{Name: "Begun", Value: stamp(r.Started)})
	}
	if !r.Ended.IsZero() {
		f := fact{Name: r.endIs(), Value: stamp(r.Ended)}
		if !r.Started.IsZero() {
			f.More = "after " + span(r.Ended.Sub(r.Started))
		}
		add(f)
	}
	return list
}

func approvalFact(a Approval) fact {
	if a.Automatic {
		return fact{Name: "Approved by", Value: "nobody", Chip: &chip{"no approval asked", "warn"}, More: "the request asked for none, which the policy permits"}
	}
	f := fact{Name: "Approved by", Value: a.By, Chip: &chip{"name claimed", "warn"}, More: "on " + stamp(a.At)}
	if a.Verified {
		f.Chip = &chip{"identity verified", "good"}
	}
	return f
}

func record(r Report) []fact {
	p := r.Progress
	var list []fact
	add := func(name, value string) {
		if value != "" {
			list = append(list, fact{Name: name, Value: value, Code: true})
		}
	}
	add("Workflow ID", p.WorkflowID)
	add("Run ID", p.RunID)
	add("Namespace", p.Namespace)
	add("Engine's identity", p.Engine)
	add("Report version", fmt.Sprint(r.Version))
	if s := r.Seal; s != nil {
		add("Engine version", s.Engine)
		add("Content hash", s.Hash)
		add("Signed with", s.PublicKey)
		add("Signature", s.Signature)
	}
	return list
}

func planSentence(plan Plan) string {
	if plan.Empty() && !plan.Prunes() {
		return "there is nothing to do for this person."
	}
	return planInWords(plan)
}

func sayAction(a Action, to string) string {
	switch a {
	case Reset:
		return "gets a new key owned by " + orNobody(to)
	case Refresh:
		return "has a newer key of somebody else already; its masters and workloads are moved to it"
	}
	return string(a)
}

func orDash(s string) string {
	if s == "" {
		return "–"
	}
	return s
}
