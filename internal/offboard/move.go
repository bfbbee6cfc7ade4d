package offboard

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Selection says which scopes are moved although nobody leaves. Exactly one of its fields is used.
type Selection struct {
	// Scopes by "region/resource group", the group by name or by ID, as in "eu-de/shop".
	Scopes []string `json:"scopes,omitempty"`
	// OwnedBy takes every scope whose key this person owns: an e-mail address.
	OwnedBy string `json:"ownedBy,omitempty"`
	// AllPersonal takes every scope whose key somebody owns who is none of the functional IDs.
	AllPersonal bool `json:"allPersonal,omitempty"`
}

// String says the selection in words.
func (s Selection) String() string {
	switch {
	case len(s.Scopes) > 0:
		return "scopes " + strings.Join(s.Scopes, ", ")
	case s.OwnedBy != "":
		return "scopes of " + s.OwnedBy
	}
	return "all scopes on personal keys"
}

// MoveRequest is the input of a move, as it was given and with the defaults filled in.
type MoveRequest struct {
	Selection
	Mode          string   `json:"mode"`
	Approval      string   `json:"approval"`
	OnFailure     string   `json:"onFailure"`
	FunctionalIDs []string `json:"functionalIds,omitempty"` // e-mail addresses; default: all that are configured
	Account       string   `json:"account,omitempty"`
	Reason        string   `json:"reason,omitempty"`
	Ticket        string   `json:"ticket,omitempty"`
	RequestedBy   string   `json:"requestedBy,omitempty"`
}

// MoveExample is a correct input of a move, shown with every refusal.
const MoveExample = `{"scopes": ["eu-de/shop"], "mode": "execute", "ticket": "OPS-1234", "requestedBy": "requester@acme.example"}`

// Request is what a move has in common with an offboarding: nobody is removed, no key is retired, nothing soaks.
func (m MoveRequest) Request() Request {
	return Request{Mode: m.Mode, Approval: m.Approval, OnFailure: m.OnFailure, FunctionalIDs: m.FunctionalIDs, Account: m.Account,
		Reason: m.Reason, Ticket: m.Ticket, RequestedBy: m.RequestedBy}
}

// DecodeMoveRequest reads the JSON input of a move like DecodeRequest that of an offboarding.
func DecodeMoveRequest(data []byte) (MoveRequest, error) {
	m := MoveRequest{Mode: ModeExecute, Approval: ApprovalRequired, OnFailure: OnFailureHold}
	problems, _ := decodeFields(data, fieldList{
		{"scopes", wants(&m.Scopes), &m.Scopes},
		{"ownedBy", wants(&m.OwnedBy), &m.OwnedBy},
		{"allPersonal", wants(&m.AllPersonal), &m.AllPersonal},
		{"mode", wants(&m.Mode), &m.Mode},
		{"approval", wants(&m.Approval), &m.Approval},
		{"onFailure", wants(&m.OnFailure), &m.OnFailure},
		{"functionalIds", wants(&m.FunctionalIDs), &m.FunctionalIDs},
		{"account", wants(&m.Account), &m.Account},
		{"reason", wants(&m.Reason), &m.Reason},
		{"ticket", wants(&m.Ticket), &m.Ticket},
		{"requestedBy", wants(&m.RequestedBy), &m.RequestedBy},
	})
	if len(problems) == 0 {
		problems = m.problems()
	}
	if len(problems) > 0 {
		return MoveRequest{}, &InvalidInput{Problems: problems, Example: MoveExample}
	}
	return m, nil
}

func (m *MoveRequest) problems() []string {
	r := m.Request()
	list := r.choices()
	ways := 0
	for _, used := range []bool{len(m.Scopes) > 0, m.OwnedBy != "", m.AllPersonal} {
		if used {
			ways++
		}
	}
	if ways != 1 {
		list = append(list, `say which scopes by exactly one of "scopes", "ownedBy" and "allPersonal"`)
	}
	list = append(list, scopeNameProblems(m.Scopes)...)
	if m.OwnedBy != "" && !isEmail(m.OwnedBy) {
		list = append(list, fmt.Sprintf("\"ownedBy\" %q is not an e-mail address", m.OwnedBy))
	}
	return list
}

func scopeNameProblems(scopes []string) []string {
	var list []string
	for _, s := range scopes {
		if region, group, ok := strings.Cut(s, "/"); !ok || region == "" || group == "" {
			list = append(list, fmt.Sprintf("\"scopes\": %q is not a region and a resource group like \"eu-de/shop\"", s))
		}
	}
	return list
}

// isNamed tells whether one of the names of scopes, "region/resource group", means this one.
func (s Scope) isNamed(names []string) bool {
	return slices.ContainsFunc(names, func(wanted string) bool {
		region, group, _ := strings.Cut(wanted, "/")
		return Region(region) == s.Region && (group == s.ResourceGroup || group == s.ResourceGroupName)
	})
}

// Takes tells whether the selection means a scope. FunctionalIDs are all that are configured.
func (s Selection) Takes(scope ScopeSurvey, functionalIDs []string) bool {
	if len(s.Scopes) > 0 {
		return scope.Scope.isNamed(s.Scopes)
	}
	return slices.ContainsFunc(scope.Clusters, func(c ClusterSurvey) bool {
		owner := c.Cluster.Owner
		switch {
		case c.Cluster.Going() || owner.Email == "":
			return false
		case s.OwnedBy != "":
			return owner.Is(s.OwnedBy)
		}
		return !ownedByAny(c, functionalIDs)
	})
}

func ownedByAny(c ClusterSurvey, emails []string) bool {
	return slices.ContainsFunc(emails, c.Cluster.Owner.Is)
}

// Missing lists what the selection names and the account does not have.
func (s Selection) Missing(scopes []ScopeSurvey) []string {
	var list []string
	for _, wanted := range s.Scopes {
		one := Selection{Scopes: []string{wanted}}
		if !slices.ContainsFunc(scopes, func(scope ScopeSurvey) bool { return one.Takes(scope, nil) && len(plannedClusters(scope)) > 0 }) {
			list = append(list, wanted)
		}
	}
	return list
}

// NewMovePlan computes the plan of a move: every selected scope is reset, except those that a functional ID owns already.
// A survey's scopes are those that were selected.
func NewMovePlan(s Survey, sel Selection, functionalIDs []string, p Policy) Plan {
	plan := Plan{SurveyedAt: s.TakenAt, Account: s.Account.ID, TokenLife: s.Account.TokenLife}
	var notes []Finding
	for _, scope := range s.Scopes {
		clusters := plannedClusters(scope)
		switch {
		case len(clusters) == 0:
			continue
		case !slices.ContainsFunc(scope.Clusters, func(c ClusterSurvey) bool { return !c.Cluster.Going() && !ownedByAny(c, functionalIDs) }):
			notes = append(notes, Finding{ID: "moved/" + scope.Scope.ID(), Severity: Note,
				Text: fmt.Sprintf("%s runs on a key of a functional ID already and is left alone.", scope.Scope)})
			continue
		}
		plan.Handovers = append(plan.Handovers, Handover{Scope: scope.Scope, Action: Reset, Clusters: clusters})
	}
	plan.assign(s)
	plan.Preparation = preparations(plan.Handovers, s)
	plan.Fallback = s.Fallback
	for _, wanted := range sel.Missing(s.Scopes) {
		plan.Findings = append(plan.Findings, Finding{ID: "absent/" + wanted, Severity: Blocker,
			Text: fmt.Sprintf("No cluster that the engine can see is in %s.", wanted), Remedy: "Correct the name, or leave the scope out: a scope without clusters needs no owner."})
	}
	plan.Findings = append(append(plan.Findings, notes...), findings(s, plan, p)...)
	slices.SortStableFunc(plan.Findings, func(a, b Finding) int { return cmp.Compare(rank(a.Severity), rank(b.Severity)) })
	plan.Digest = plan.digest()
	return plan
}

// ProblemsOfMove are the problems of an admission that concern a move, see Problems.
func (a Admission) ProblemsOfMove(m MoveRequest) []string {
	r := m.Request()
	list := a.accountProblems(r)
	list = append(append(list, a.functionalProblems(r)...), a.approvalProblems(r)...)
	if m.OwnedBy != "" && slices.ContainsFunc(a.FunctionalIDs, func(f string) bool { return strings.EqualFold(f, m.OwnedBy) }) {
		list = append(list, fmt.Sprintf("\"ownedBy\": %s is a functional ID, whose scopes need no move", m.OwnedBy))
	}
	return list
}
