package offboard

import (
	"slices"
	"time"
)

// Status is how a run stands or ended.
type Status string

// The statuses. Running is the only one a result never has.
const (
	Running     Status = "Running"
	Planned     Status = "Planned"     // mode plan: the plan is the result
	Rejected    Status = "Rejected"    // somebody said no, or nobody said yes in time; nothing of the leaver was changed
	Reinstated  Status = "Reinstated"  // the leaver stays; what could be undone is undone
	Completed   Status = "Completed"   // everything is done and nothing remains
	Incomplete  Status = "Incomplete"  // something remains; the report lists it
	RolledBack  Status = "RolledBack"  // a failure or an abort; what could be undone is undone
	AlreadyGone Status = "AlreadyGone" // the person was not in the account; nothing was changed
)

// Phase is a phase of an offboarding, in the order they run.
type Phase string

// The phases.
const (
	PhaseAdmit    Phase = "admit"
	PhaseWait     Phase = "wait"
	PhaseSurvey   Phase = "survey"
	PhasePlan     Phase = "plan"
	PhaseApprove  Phase = "approve"
	PhasePrepare  Phase = "prepare"
	PhaseHandOver Phase = "hand over"
	PhaseDisable  Phase = "retire: disable"
	PhaseSoak     Phase = "soak"
	PhaseDelete   Phase = "retire: delete"
	PhaseRemove   Phase = "remove"
	PhaseClean    Phase = "clean"
	PhaseReport   Phase = "report"
	PhaseUndo     Phase = "undo"
)

// Progress is everything that is known of a run at a moment. It is what the `status` query returns, what the run's page
// shows, and what the report is made of.
type Progress struct {
	WorkflowID  string            `json:"workflowId"`
	RunID       string            `json:"runId,omitempty"`
	Namespace   string            `json:"namespace,omitempty"`
	Status      Status            `json:"status"`
	Phase       Phase             `json:"phase"`
	Waiting     string            `json:"waiting,omitempty"` // what it waits for, in words
	Request     Request           `json:"request"`
	Move        *Selection        `json:"move,omitempty"`  // nobody leaves: these scopes are handed over
	Prune       *PruneSelection   `json:"prune,omitempty"` // nobody leaves: these superseded keys are retired
	Account     string            `json:"account,omitempty"`
	Engine      string            `json:"engine,omitempty"` // whose key the engine works with
	Leaver      Person            `json:"leaver,omitzero"`
	Plan        *Plan             `json:"plan,omitempty"`
	Changed     []string          `json:"changed,omitempty"` // what differs from the plan that was approved before
	Approval    *Approval         `json:"approval,omitempty"`
	Prepared    []Prepared        `json:"prepared,omitempty"`
	Scopes      []ScopeProgress   `json:"scopes,omitempty"`
	Keys        []KeyProgress     `json:"keys,omitempty"`
	Soak        *SoakProgress     `json:"soak,omitempty"`
	Holds       []Hold            `json:"holds,omitempty"` // open ones
	Answers     []HoldAnswer      `json:"answers,omitempty"`
	Changes     []Change          `json:"changes,omitempty"`
	Timings     []Timing          `json:"timings,omitempty"`
	Residual    []string          `json:"residual,omitempty"`
	Waivers     []string          `json:"waivers,omitempty"`
	Unsent      []string          `json:"unsent,omitempty"` // notices that did not arrive, and why
	UserRemoved bool              `json:"userRemoved,omitempty"`
	DisabledAt  time.Time         `json:"disabledAt,omitzero"` // when the last key was disabled
	Decisions   map[string]string `json:"decisions,omitempty"`
	Message     string            `json:"message,omitempty"` // why it ended so, in a sentence
}

// Approval is who said yes to which plan.
type Approval struct {
	By     string    `json:"by"`
	Digest string    `json:"digest"`
	At     time.Time `json:"at"`
	Note   string    `json:"note,omitempty"`
	// Verified: the approver was authenticated by our door. Otherwise the name is what they said of themselves.
	Verified bool `json:"verified"`
	// Automatic: the request asked for no approval and the policy permits that.
	Automatic bool `json:"automatic,omitempty"`
}

// Prepared is how far a functional ID is.
type Prepared struct {
	Email   string   `json:"email"`
	IAMID   string   `json:"iamId,omitempty"`
	Step    string   `json:"step"`
	Done    bool     `json:"done,omitempty"`
	Invited bool     `json:"invited,omitempty"` // by us
	Group   string   `json:"group,omitempty"`
	Granted []string `json:"granted,omitempty"` // policies we made
}

// ScopeState is how a hand-over stands.
type ScopeState string

// The states of a scope.
const (
	ScopeWaiting ScopeState = "waiting"
	ScopeRunning ScopeState = "running"
	ScopeHeld    ScopeState = "held"
	ScopeDone    ScopeState = "done"
	ScopeSkipped ScopeState = "skipped" // a person said so: it stays with the leaver
	ScopeFailed  ScopeState = "failed"
)

// ScopeProgress is how far the hand-over of one scope is. It is also the result of a HandOver run.
type ScopeProgress struct {
	Scope        Scope             `json:"scope"`
	Action       Action            `json:"action"`
	FunctionalID string            `json:"functionalId,omitempty"`
	Run          string            `json:"run,omitempty"` // workflow ID of its hand-over
	State        ScopeState        `json:"state"`
	Step         string            `json:"step,omitempty"`
	KeyMade      string            `json:"keyMade,omitempty"` // ID of the new key
	ResetSent    bool              `json:"resetSent,omitempty"`
	Clusters     []ClusterProgress `json:"clusters,omitempty"`
	Hold         *Hold             `json:"hold,omitempty"`
	Changes      []Change          `json:"changes,omitempty"`
	Waivers      []string          `json:"waivers,omitempty"`
	Ailing       []string          `json:"ailing,omitempty"` // troubles its clusters had before
	Aborted      bool              `json:"aborted,omitempty"`
	// FellBack is the fallback identity that owns the scope's key since the run turned round.
	FellBack string    `json:"fellBack,omitempty"`
	Started  time.Time `json:"started,omitzero"`
	Ended    time.Time `json:"ended,omitzero"`
}

// ClusterProgress is how far one cluster is.
type ClusterProgress struct {
	ClusterRef
	Owner     string   `json:"owner,omitempty"` // as last read
	Step      string   `json:"step,omitempty"`
	Refreshed bool     `json:"refreshed,omitempty"`
	Restarted []string `json:"restarted,omitempty"`
	Healthy   bool     `json:"healthy,omitempty"`
	Manual    string   `json:"manual,omitempty"`
	// Watch is what depends on the key in it, where that became known during the hand-over only.
	Watch []Dependent `json:"watch,omitempty"`
}

// KeyState is how a key of the leaver stands.
type KeyState string

// The states of a key.
const (
	KeyActive   KeyState = "active"
	KeyDisabled KeyState = "disabled"
	KeyDeleted  KeyState = "deleted"
	KeyKept     KeyState = "kept" // by an answer at approval, or with a skipped scope
)

// KeyProgress is one key of the leaver, or a superseded one.
type KeyProgress struct {
	ID         string    `json:"id"`
	Name       string    `json:"name"`
	Class      KeyClass  `json:"class"`
	Scope      Scope     `json:"scope,omitzero"`
	State      KeyState  `json:"state"`
	Unlocked   bool      `json:"unlocked,omitempty"` // by us
	Disabled   bool      `json:"disabled,omitempty"` // by us; an undo enables it again
	Created    time.Time `json:"created,omitzero"`
	LastUsed   time.Time `json:"lastUsed,omitzero"`
	DisabledAt time.Time `json:"disabledAt,omitzero"`
	DeletedAt  time.Time `json:"deletedAt,omitzero"`
	Owner      string    `json:"owner,omitempty"` // of a superseded key
}

// SoakProgress is how the soak stands. It is also the result of a Soak run, and of its status query; until that has
// ended, Progress knows neither the probes nor the last of them.
type SoakProgress struct {
	Run     string    `json:"run,omitempty"` // workflow ID of the run that watches
	Until   time.Time `json:"until"`
	Probes  int       `json:"probes"`
	Last    time.Time `json:"last,omitzero"`
	Trouble []string  `json:"trouble,omitempty"` // what the last probe found
}

// Change is one change the engine made.
type Change struct {
	At     time.Time `json:"at"`
	What   string    `json:"what"`            // in words
	Target string    `json:"target"`          // ID
	By     string    `json:"by,omitempty"`    // identity it was made as
	Event  string    `json:"event,omitempty"` // the Activity Tracker event to look for
	// RequestID is the service's name for the request; empty for a change inside a cluster, and where no answer came.
	RequestID string `json:"requestId,omitempty"`
	Undo      bool   `json:"undo,omitempty"`
}

// Timing is when a phase ran.
type Timing struct {
	Phase   Phase     `json:"phase"`
	Started time.Time `json:"started"`
	Ended   time.Time `json:"ended,omitzero"`
}

// Enter closes the timing of the phase before and opens the next.
func (p *Progress) Enter(phase Phase, now time.Time) {
	if n := len(p.Timings); n > 0 && p.Timings[n-1].Ended.IsZero() {
		p.Timings[n-1].Ended = now
	}
	p.Phase = phase
	p.Timings = append(p.Timings, Timing{Phase: phase, Started: now})
}

// Record notes a change.
func (p *Progress) Record(c Change) { p.Changes = append(p.Changes, c) }

// NeedsPerson tells whether the run goes no further without a person.
func (p *Progress) NeedsPerson() bool {
	return len(p.Holds) > 0 || (p.Status == Running && p.Phase == PhaseApprove && p.Approval == nil)
}

// Begin fills the scopes and keys from an approved plan.
func (p *Progress) Begin(plan Plan, answers map[string]string) {
	p.Plan, p.Decisions = &plan, answers
	p.Scopes, p.Keys, p.Prepared = nil, nil, nil
	for _, h := range plan.Handovers {
		s := ScopeProgress{Scope: h.Scope, Action: h.Action, FunctionalID: h.FunctionalID, State: ScopeWaiting}
		for _, c := range h.Clusters {
			s.Clusters = append(s.Clusters, ClusterProgress{ClusterRef: c.ClusterRef, Manual: c.Manual})
		}
		p.Scopes = append(p.Scopes, s)
	}
	for _, k := range plan.Keys {
		state := KeyActive
		switch {
		case Kept(answers, k.ID):
			state = KeyKept
		case k.Disabled:
			state = KeyDisabled
		}
		p.Keys = append(p.Keys, KeyProgress{ID: k.ID, Name: k.Name, Class: k.Class, Scope: k.Scope, State: state,
			Created: k.Created, LastUsed: k.LastUsed, Owner: k.Owner})
	}
	for _, prep := range plan.Preparation {
		p.Prepared = append(p.Prepared, Prepared{Email: prep.Email, Step: "waiting"})
	}
}

// Begun tells whether an approved plan was begun: its scopes and keys then say how far it is.
func (p *Progress) Begun() bool { return len(p.Scopes) > 0 || len(p.Keys) > 0 }

// KeepKeysOf leaves the leaver's keys of a scope alive, because the scope was not handed over.
func (p *Progress) KeepKeysOf(scope Scope) {
	for i := range p.Keys {
		if p.Keys[i].Scope.ID() == scope.ID() {
			p.Keys[i].Keep()
		}
	}
}

// Keep leaves the key as it is, alive or disabled by somebody else: it is not deleted. It is for keys that this run has
// not disabled, or has enabled again.
func (k *KeyProgress) Keep() {
	if k.State != KeyDeleted {
		k.State = KeyKept
	}
}

// HandedOver counts the scopes that are done.
func (p *Progress) HandedOver() int {
	n := 0
	for _, s := range p.Scopes {
		if s.State == ScopeDone {
			n++
		}
	}
	return n
}

// AnyKeyLeft tells whether a key of the leaver is neither deleted nor going to be: the user then stays, because removing
// them would delete it.
func (p *Progress) AnyKeyLeft() bool {
	return slices.ContainsFunc(p.Keys, func(k KeyProgress) bool { return k.State != KeyDeleted })
}

// ResetSent tells whether a reset may have been made in any scope that was not taken back since: from then on grants
// are not taken back.
func (p *Progress) ResetSent() bool {
	return slices.ContainsFunc(p.Scopes, func(s ScopeProgress) bool { return (s.ResetSent || s.KeyMade != "") && s.FellBack == "" })
}
