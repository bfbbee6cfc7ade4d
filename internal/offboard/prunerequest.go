package offboard

import (
	"fmt"
	"strings"
)

// PruneSelection says which superseded cluster keys a prune is about. Exactly one of its fields is used.
type PruneSelection struct {
	// Scopes by "region/resource group", the group by name or by ID, as in "eu-de/shop".
	Scopes []string `json:"scopes,omitempty"`
	// OwnedBy takes those that this person or functional ID owns: an e-mail address or an IAM ID.
	OwnedBy string `json:"ownedBy,omitempty"`
	// All takes those of every scope, whoever owns them.
	All bool `json:"all,omitempty"`
}

// String says the selection in words.
func (s PruneSelection) String() string {
	switch {
	case len(s.Scopes) > 0:
		return "superseded keys of " + strings.Join(s.Scopes, ", ")
	case s.OwnedBy != "":
		return "superseded keys owned by " + s.OwnedBy
	}
	return "all superseded keys"
}

// PruneRequest is the input of a prune, as it was given and with the defaults filled in.
type PruneRequest struct {
	PruneSelection
	Mode        string   `json:"mode"`
	Approval    string   `json:"approval"`
	Soak        Duration `json:"soak"`
	OnFailure   string   `json:"onFailure"`
	Account     string   `json:"account,omitempty"`
	Reason      string   `json:"reason,omitempty"`
	Ticket      string   `json:"ticket,omitempty"`
	RequestedBy string   `json:"requestedBy,omitempty"`
}

// PruneExample is a correct input of a prune, shown with every refusal.
const PruneExample = `{"all": true, "mode": "execute", "soak": "24h", "ticket": "OPS-1234", "requestedBy": "requester@acme.example"}`

// Request is what a prune has in common with an offboarding: nobody is removed, nothing is handed over.
func (p PruneRequest) Request() Request {
	return Request{Mode: p.Mode, Approval: p.Approval, Soak: p.Soak, OnFailure: p.OnFailure, Account: p.Account,
		Reason: p.Reason, Ticket: p.Ticket, RequestedBy: p.RequestedBy}
}

// DecodePruneRequest reads the JSON input of a prune like DecodeRequest that of an offboarding.
func DecodePruneRequest(data []byte) (PruneRequest, error) {
	p := PruneRequest{Mode: ModeExecute, Approval: ApprovalRequired, Soak: DefaultSoak, OnFailure: OnFailureHold}
	problems, wrong := decodeFields(data, fieldList{
		{"scopes", wants(&p.Scopes), &p.Scopes},
		{"ownedBy", wants(&p.OwnedBy), &p.OwnedBy},
		{"all", wants(&p.All), &p.All},
		{"mode", wants(&p.Mode), &p.Mode},
		{"approval", wants(&p.Approval), &p.Approval},
		{"soak", wants(&p.Soak), &p.Soak},
		{"onFailure", wants(&p.OnFailure), &p.OnFailure},
		{"account", wants(&p.Account), &p.Account},
		{"reason", wants(&p.Reason), &p.Reason},
		{"ticket", wants(&p.Ticket), &p.Ticket},
		{"requestedBy", wants(&p.RequestedBy), &p.RequestedBy},
	})
	if wrong != nil {
		problems = append(problems, p.problems(wrong)...)
	}
	if len(problems) > 0 {
		return PruneRequest{}, &InvalidInput{Problems: problems, Example: PruneExample}
	}
	return p, nil
}

// problems are those of the fields that could be read; unread names the others, which are not missing besides.
func (p *PruneRequest) problems(unread []string) []string {
	r := p.Request()
	list := r.choices()
	add := func(format string, args ...any) { list = append(list, fmt.Sprintf(format, args...)) }
	ways := 0
	for _, used := range []bool{len(p.Scopes) > 0, p.OwnedBy != "", p.All} {
		if used {
			ways++
		}
	}
	for _, name := range unread {
		if name == "scopes" || name == "ownedBy" || name == "all" {
			ways = 1 // whatever was meant by it
		}
	}
	if ways != 1 {
		add(`say which keys by exactly one of "scopes", "ownedBy" and "all"`)
	}
	list = append(list, scopeNameProblems(p.Scopes)...)
	if p.OwnedBy != "" && !isEmail(p.OwnedBy) && !iamID.MatchString(p.OwnedBy) {
		add("\"ownedBy\" %q is neither an e-mail address nor an IAM ID like \"IBMid-…\"", p.OwnedBy)
	}
	return append(list, r.soakProblems()...)
}
