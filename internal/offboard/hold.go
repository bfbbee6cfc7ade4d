package offboard

import (
	"fmt"
	"time"
)

// Hold is a wait for a person.
type Hold struct {
	Subject string    `json:"subject"` // what `resolve` names as its scope
	Step    string    `json:"step"`
	Code    Code      `json:"code"`
	Problem string    `json:"problem"` // what failed
	Means   string    `json:"means"`   // what that means for which clusters
	Retry   string    `json:"retry"`   // what the answers do
	Skip    string    `json:"skip,omitempty"`
	Abort   string    `json:"abort"`
	Since   time.Time `json:"since"`
	Until   time.Time `json:"until,omitzero"` // when it counts as skipped
}

// The answers to a hold.
const (
	ActionRetry = "retry"
	ActionSkip  = "skip"
	ActionAbort = "abort"
)

// HoldAnswer is what a person said to a hold.
type HoldAnswer struct {
	Subject string    `json:"subject"`
	Step    string    `json:"step,omitempty"`
	Action  string    `json:"action"`
	By      string    `json:"by"`
	Note    string    `json:"note,omitempty"`
	At      time.Time `json:"at"`
}

// OpenHold finds the hold that a resolve means: by its subject, or the only one there is. The error is a sentence.
func (p *Progress) OpenHold(subject string) (Hold, error) {
	if len(p.Holds) == 0 {
		return Hold{}, fmt.Errorf("nothing is on hold in this run")
	}
	if subject == "" && len(p.Holds) == 1 {
		return p.Holds[0], nil
	}
	names := make([]string, len(p.Holds))
	for i, h := range p.Holds {
		if h.Subject == subject {
			return h, nil
		}
		names[i] = fmt.Sprintf("%q", h.Subject)
	}
	return Hold{}, fmt.Errorf("no hold is open for scope %q: open ones are %v", subject, names)
}
