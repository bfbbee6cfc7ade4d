package offboard

import (
	"slices"
	"time"
)

// AuditDigest is what a later audit compares itself with.
type AuditDigest struct {
	TakenAt  time.Time      `json:"takenAt"`
	RunID    string         `json:"runId,omitempty"`
	Request  AuditRequest   `json:"request"`
	Findings []AuditFinding `json:"findings,omitempty"` // without remedies
	LeftOut  bool           `json:"leftOut,omitempty"`  // it had more findings than it kept
}

// Digest is what a later audit needs of this one.
func (a Audit) Digest() AuditDigest {
	d := AuditDigest{TakenAt: a.TakenAt, RunID: a.RunID, Request: a.Request, LeftOut: a.LeftOut["findings"] > 0}
	for _, f := range a.Findings {
		f.Remedy, f.Command = "", ""
		d.Findings = append(d.Findings, f)
	}
	return d
}

// AuditDifferences are what changed between two audits, by the IDs of their findings.
type AuditDifferences struct {
	Since   time.Time      `json:"since"` // when the earlier one was taken
	RunID   string         `json:"runId,omitempty"`
	New     []AuditFinding `json:"new,omitempty"`     // as they are now
	Gone    []AuditFinding `json:"gone,omitempty"`    // as they were
	Changed []AuditChange  `json:"changed,omitempty"` // in severity or in how many clusters they concern
	// Uneven says why some findings could not be compared; empty where all could.
	Uneven string `json:"uneven,omitempty"`
}

// AuditChange is a finding of both audits that became another.
type AuditChange struct {
	ID       string   `json:"id"`
	Text     string   `json:"text"` // as it is now
	Severity Severity `json:"severity"`
	Was      Severity `json:"was"`
	Clusters int      `json:"clusters"`
	Before   int      `json:"before"` // clusters
}

// Worse tells whether a change is for the worse.
func (c AuditChange) Worse() bool {
	if c.Severity != c.Was {
		return rank(c.Severity) < rank(c.Was)
	}
	return c.Clusters > c.Before
}

// None tells whether nothing differs.
func (d AuditDifferences) None() bool {
	return len(d.New) == 0 && len(d.Gone) == 0 && len(d.Changed) == 0
}

// Compared adds the differences to an earlier audit. Findings that only one of the two could have, because it looked
// deeper, are left out of the comparison.
func (a Audit) Compared(before AuditDigest) Audit {
	d := &AuditDifferences{Since: before.TakenAt, RunID: before.RunID}
	skip := func(f AuditFinding) bool { return false }
	if before.Request.Dependents != a.Request.Dependents || before.Request.EveryKey != a.Request.EveryKey {
		d.Uneven = "one of the two audits looked deeper than the other: findings that only it could have are not compared"
		skip = func(f AuditFinding) bool {
			return slices.Contains([]AuditKind{AuditFailing, AuditPrunable, AuditUnproven, AuditOlder, AuditInUse, AuditClassic}, f.Kind)
		}
	} else if before.LeftOut || a.LeftOut["findings"] > 0 {
		d.Uneven = "one of the two audits has more findings than it keeps: the least harmful are not compared"
	}
	at := func(list []AuditFinding, id string) (AuditFinding, bool) {
		i := slices.IndexFunc(list, func(f AuditFinding) bool { return f.ID == id })
		if i < 0 {
			return AuditFinding{}, false
		}
		return list[i], true
	}
	for _, f := range a.Findings {
		was, there := at(before.Findings, f.ID)
		switch {
		case skip(f):
		case !there:
			f.Remedy, f.Command = "", ""
			d.New = append(d.New, f)
		case was.Severity != f.Severity || was.Clusters != f.Clusters:
			d.Changed = append(d.Changed, AuditChange{ID: f.ID, Text: f.Text, Severity: f.Severity, Was: was.Severity, Clusters: f.Clusters, Before: was.Clusters})
		}
	}
	for _, f := range before.Findings {
		if _, there := at(a.Findings, f.ID); !there && !skip(f) {
			d.Gone = append(d.Gone, f)
		}
	}
	a.Differences = d
	return a
}
