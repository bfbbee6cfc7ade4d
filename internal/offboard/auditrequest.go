package offboard

import (
	"bytes"
	"fmt"
)

// AuditRequest is the input of an audit, as it was given. Everything in it is optional.
type AuditRequest struct {
	// Dependents looks into every cluster: what in it stops without the key, and since when its control plane and workloads
	// run. That takes a connection to each of them; without it an audit only reads lists.
	Dependents bool `json:"dependents,omitempty"`
	// EveryKey asks for the last use of every user's personal keys, one call each, and not only of those who hold a
	// cluster key.
	EveryKey    bool   `json:"everyKey,omitempty"`
	Account     string `json:"account,omitempty"`
	Reason      string `json:"reason,omitempty"`
	RequestedBy string `json:"requestedBy,omitempty"`
}

// AuditExample is a correct input of an audit, shown with every refusal.
const AuditExample = `{"dependents": true, "requestedBy": "requester@acme.example"}`

// DecodeAuditRequest reads the JSON input of an audit like DecodeRequest that of an offboarding. No input at all is an
// empty object.
func DecodeAuditRequest(data []byte) (AuditRequest, error) {
	var r AuditRequest
	if len(bytes.TrimSpace(data)) == 0 {
		return r, nil
	}
	problems, _ := decodeFields(data, fieldList{
		{"dependents", wants(&r.Dependents), &r.Dependents},
		{"everyKey", wants(&r.EveryKey), &r.EveryKey},
		{"account", wants(&r.Account), &r.Account},
		{"reason", wants(&r.Reason), &r.Reason},
		{"requestedBy", wants(&r.RequestedBy), &r.RequestedBy},
	})
	if r.RequestedBy != "" && !isEmail(r.RequestedBy) {
		problems = append(problems, fmt.Sprintf("\"requestedBy\" %q is not an e-mail address", r.RequestedBy))
	}
	if len(problems) > 0 {
		return AuditRequest{}, &InvalidInput{Problems: problems, Example: AuditExample}
	}
	return r, nil
}

// ProblemsOfAudit are the problems of an admission that concern an audit, see Problems. Users counts those whom the engine
// was shown; negative where they were not listed yet.
func (a Admission) ProblemsOfAudit(r AuditRequest, users int) []string {
	if a.Account.VisibleUsers = users; users < 0 {
		a.Account.VisibleUsers = 2 // nobody was counted, so nobody can be missed
	}
	return a.accountProblems(Request{Account: r.Account})
}
