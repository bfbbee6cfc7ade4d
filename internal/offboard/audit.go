package offboard

import (
	"cmp"
	"fmt"
	"slices"
	"time"
)

// AuditVersion is the version of an audit's JSON form. Fields are added within a version, never changed or removed.
const AuditVersion = 1

// How much of each list an audit keeps, so that the audit of the largest account stays far below the 2 MiB a payload may
// have. What is left out is the least harmful and is counted.
const (
	mostFindings   = 400
	mostPeople     = 200
	mostSuperseded = 200
	mostNamed      = 6 // clusters of a scope, keys of a person
	mostScopes     = 40
)

// Audit answers who would break the clusters if they left today. It is made of a survey by a pure function and holds no
// secret.
type Audit struct {
	Version    int          `json:"version"`
	TakenAt    time.Time    `json:"takenAt"`
	Account    string       `json:"account"`
	Engine     string       `json:"engine,omitempty"` // e-mail address of the identity that looked
	WorkflowID string       `json:"workflowId,omitempty"`
	RunID      string       `json:"runId,omitempty"`
	Namespace  string       `json:"namespace,omitempty"`
	Request    AuditRequest `json:"request"`
	Message    string       `json:"message"` // the result in a sentence
	Totals     AuditTotals  `json:"totals"`
	// Findings are ranked: by severity, then by how many clusters they concern.
	Findings []AuditFinding `json:"findings,omitempty"`
	// People are those who would break something, the most harmful first.
	People        []AuditPerson     `json:"people,omitempty"`
	FunctionalIDs []AuditFunctional `json:"functionalIds,omitempty"`
	Superseded    []SupersededKey   `json:"superseded,omitempty"`
	// Differences are to the audit before this one; nil where there is none.
	Differences *AuditDifferences `json:"differences,omitempty"`
	// LeftOut counts what was too much to keep, by list.
	LeftOut map[string]int `json:"leftOut,omitempty"`
}

// AuditTotals counts what an audit saw.
type AuditTotals struct {
	Users    int `json:"users"`
	UserKeys int `json:"userKeys"`
	Clusters int `json:"clusters"` // that are not being deleted
	Scopes   int `json:"scopes"`   // with such clusters
	// AtRisk counts the people who would break a cluster, PersonalScopes and PersonalClusters what runs on their keys.
	AtRisk           int `json:"atRisk"`
	PersonalScopes   int `json:"personalScopes"`
	PersonalClusters int `json:"personalClusters"`
	Orphaned         int `json:"orphaned"`   // clusters whose key's owner is not in the account any more
	Failing          int `json:"failing"`    // clusters that show a lost key already
	Superseded       int `json:"superseded"` // cluster keys that are not the newest of their scope
	Prunable         int `json:"prunable"`   // of those, proven unused
	Unseen           int `json:"unseen"`     // parts that could not be seen
	Blockers         int `json:"blockers"`
	Decisions        int `json:"decisions"`
	Notes            int `json:"notes"`
}

// AuditKind says what a finding is about. The set may grow.
type AuditKind string

// The kinds.
const (
	AuditFailing    AuditKind = "failing"    // a cluster shows trouble
	AuditNoKey      AuditKind = "no-key"     // a scope with clusters has no key
	AuditDeparted   AuditKind = "departed"   // the owner is not in the account any more
	AuditInactive   AuditKind = "inactive"   // the owner is not an active user
	AuditDisabled   AuditKind = "disabled"   // the scope's key is disabled
	AuditPersonal   AuditKind = "personal"   // somebody who may leave owns scopes
	AuditOlder      AuditKind = "older"      // an older key of somebody may still be in use
	AuditRights     AuditKind = "rights"     // the owner lacks access
	AuditOwners     AuditKind = "owners"     // a scope's clusters name several owners, or one without the newest key
	AuditSatellite  AuditKind = "satellite"  // a Satellite location runs on somebody's key
	AuditClassic    AuditKind = "classic"    // a scope uses somebody's classic credentials
	AuditUnassigned AuditKind = "unassigned" // a cluster key does not say its scope
	AuditHeadroom   AuditKind = "headroom"   // a functional ID is near its key limit
	AuditFunctionID AuditKind = "functional" // a functional ID could not take over
	AuditInUse      AuditKind = "in-use"     // somebody's personal keys are in use
	AuditPrunable   AuditKind = "prunable"   // superseded keys that are proven unused
	AuditUnproven   AuditKind = "unproven"   // superseded keys that are not
	AuditProfile    AuditKind = "profile"    // a trusted profile names somebody who is gone
	AuditServiceID  AuditKind = "service-id" // a service ID was made by somebody who is gone
	AuditMissing    AuditKind = "missing"    // a part could not be read
)

// AuditFinding is one thing that an audit found. Of the severities, a Blocker is or will be broken without anybody doing
// anything, a Decision breaks when one person leaves or cannot be excluded, a Note can be tidied.
type AuditFinding struct {
	ID       string    `json:"id"` // stable for the same thing found twice
	Kind     AuditKind `json:"kind"`
	Severity Severity  `json:"severity"`
	Clusters int       `json:"clusters"` // how many it concerns
	Text     string    `json:"text"`
	Remedy   string    `json:"remedy,omitempty"`
	Command  string    `json:"command,omitempty"` // that does it, or shows more
}

// AuditPerson is somebody who would break something if they left today, or who left.
type AuditPerson struct {
	IAMID string `json:"iamId,omitempty"`
	Email string `json:"email"`
	Name  string `json:"name,omitempty"`
	// State is IBM's word; empty: not in the account any more.
	State    string       `json:"state,omitempty"`
	Owner    bool         `json:"accountOwner,omitempty"`
	Scopes   []AuditScope `json:"scopes,omitempty"` // whose clusters name them as owner of the key
	Clusters int          `json:"clusters"`         // in those
	// Breaks says in a cluster owner's words what stops; only known where clusters were looked into.
	Breaks []string `json:"breaks,omitempty"`
	// Older are scopes of others where an older key of theirs is not proven unused.
	Older      []Scope    `json:"older,omitempty"`
	InUse      []AuditUse `json:"inUse,omitempty"` // personal keys used within the policy's recent-use window
	Satellite  []string   `json:"satellite,omitempty"`
	Classic    []Scope    `json:"classic,omitempty"` // scopes that use their classic credentials
	Profiles   []string   `json:"profiles,omitempty"`
	ServiceIDs []string   `json:"serviceIds,omitempty"`
	// Lacks are roles they should hold for the clusters' sake. Unjudged: whether they hold them cannot be told.
	Lacks    []string       `json:"lacks,omitempty"`
	Unjudged bool           `json:"unjudged,omitempty"`
	Command  string         `json:"command,omitempty"`
	LeftOut  map[string]int `json:"leftOut,omitempty"`
}

// AuditScope is one scope of a person.
type AuditScope struct {
	Scope    Scope    `json:"scope"`
	Key      string   `json:"key,omitempty"` // ID of the newest key, where it is theirs
	Clusters int      `json:"clusters"`
	Names    []string `json:"names,omitempty"` // of the first few
}

// AuditUse is a personal key in use.
type AuditUse struct {
	ID       string    `json:"id"`
	Name     string    `json:"name"`
	LastUsed time.Time `json:"lastUsed"`
}

// AuditFunctional is a functional ID and what runs on it.
type AuditFunctional struct {
	FunctionalID
	Scopes   int `json:"scopes"`
	Clusters int `json:"clusters"`
}

// NewAudit draws the conclusions from a survey.
func NewAudit(s AuditSurvey, p Policy) Audit {
	w := newAuditWork(s, p)
	w.scopeFindings()
	w.clusterFindings()
	w.peopleFindings()
	w.functionalFindings()
	w.supersededFindings()
	w.identityFindings()
	w.missingFindings()
	a := Audit{Version: AuditVersion, TakenAt: s.TakenAt, Account: s.Account.ID, Engine: s.Engine.Email, Request: s.Request,
		Totals: w.totals, Findings: w.findings, People: w.atRisk(), FunctionalIDs: w.functional, Superseded: w.superseded}
	slices.SortStableFunc(a.Findings, byHarm)
	for _, f := range a.Findings {
		if f.Kind == AuditMissing {
			a.Totals.Unseen++
		}
		switch f.Severity {
		case Blocker:
			a.Totals.Blockers++
		case Decision:
			a.Totals.Decisions++
		case Note:
			a.Totals.Notes++
		}
	}
	for _, person := range a.People {
		if person.Clusters > 0 && person.State != "" {
			a.Totals.AtRisk++
		}
	}
	a.Message = a.Totals.sentence()
	a.shorten()
	return a
}

func byHarm(a, b AuditFinding) int {
	return cmp.Or(cmp.Compare(rank(a.Severity), rank(b.Severity)), cmp.Compare(b.Clusters, a.Clusters), cmp.Compare(a.ID, b.ID))
}

// Worst is the highest severity of the findings; empty where there are none.
func (a Audit) Worst() Severity {
	switch {
	case a.Totals.Blockers > 0:
		return Blocker
	case a.Totals.Decisions > 0:
		return Decision
	case a.Totals.Notes > 0:
		return Note
	}
	return ""
}

// Reaches tells whether there is a finding of this severity or a higher one.
func (a Audit) Reaches(s Severity) bool {
	worst := a.Worst()
	return worst != "" && rank(worst) <= rank(s)
}

// sentence is the result in a sentence.
func (t AuditTotals) sentence() string {
	clusters := counted(t.Clusters, "cluster", "clusters")
	var text string
	switch {
	case t.Clusters == 0:
		text = "The engine sees no cluster in this account."
	case t.AtRisk > 0:
		text = fmt.Sprintf("%s would break %d of %s by leaving today: %s on personal keys.", counted(t.AtRisk, "person", "people"),
			t.PersonalClusters, clusters, counted(t.PersonalScopes, "scope runs", "scopes run"))
	case t.Unseen > 0:
		text = fmt.Sprintf("As far as the engine could see, nobody who leaves would break any of the %s.", clusters)
	default:
		text = fmt.Sprintf("Nobody who leaves would break any of the %s: none runs on the key of somebody who could.", clusters)
	}
	if t.Orphaned > 0 {
		text += fmt.Sprintf(" %s on the key of somebody who is not in the account any more.", counted(t.Orphaned, "cluster depends", "clusters depend"))
	}
	if t.Failing > 0 {
		text += fmt.Sprintf(" %s the signs of a lost key already.", counted(t.Failing, "cluster shows", "clusters show"))
	}
	if t.Blockers > 0 {
		text += fmt.Sprintf(" %s at once.", counted(t.Blockers, "finding needs somebody", "findings need somebody"))
	}
	if t.Unseen > 0 {
		text += fmt.Sprintf(" %s not be seen.", counted(t.Unseen, "part could", "parts could"))
	}
	return text
}

// shorten keeps the most harmful of each list and counts the rest.
func (a *Audit) shorten() {
	left := map[string]int{}
	a.Findings = first(a.Findings, mostFindings, "findings", left)
	a.People = first(a.People, mostPeople, "people", left)
	a.Superseded = first(a.Superseded, mostSuperseded, "superseded", left)
	if len(left) > 0 {
		a.LeftOut = left
	}
}

// first keeps the head of a list and counts what it leaves out.
func first[T any](list []T, most int, name string, left map[string]int) []T {
	if len(list) <= most {
		return list
	}
	left[name] += len(list) - most
	return list[:most:most]
}
