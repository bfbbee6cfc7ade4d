package door

import (
	"slices"
	"time"

	"go.etcd.io/bbolt"
)

// person is the last event that was applied for a person.
type person struct {
	At      time.Time `json:"at"`
	Kind    Kind      `json:"kind"`
	LastDay time.Time `json:"lastDay,omitzero"`
	RunID   string    `json:"runId,omitempty"` // of the open run it met or made
	// FirmAt is when the last event happened that was not soft: what a system says of an account does not make older what
	// somebody said of the person.
	FirmAt time.Time `json:"firmAt,omitzero"`
	// AskedBy are those who asked for the run by more than a soft event. A soft cancellation calls off what nobody but its
	// own sender asked for.
	AskedBy []string `json:"askedBy,omitempty"`
	// Tried is a start whose answer never came: an open run that is not known may be of it.
	Tried *tried `json:"tried,omitempty"`
}

// tried is who tried to start a run.
type tried struct {
	By   string `json:"by"`
	Soft bool   `json:"soft,omitempty"`
}

// tries keeps with what is known of a person that a start is tried, or with nil that it was none. Of several tries the one
// that is not soft counts.
func tries(tx *bbolt.Tx, who string, t *tried) error {
	people := tx.Bucket(peopleBucket)
	p, _, err := get[person](people, []byte(who))
	if err != nil {
		return err
	}
	if t != nil && p.Tried != nil && !p.Tried.Soft {
		return nil
	}
	p.Tried = t
	return put(people, []byte(who), p)
}

// elsewhere is whoever began a run that no event of this door began.
const elsewhere = "elsewhere"

// mayCallOff tells whether a cancellation may turn a run round.
func (p person) mayCallOff(e Event, run Run) bool {
	if !e.Soft {
		return true
	}
	if p.RunID != run.RunID {
		return p.Tried != nil && (p.Tried.Soft || p.Tried.By == e.Source)
	}
	return !slices.ContainsFunc(p.AskedBy, func(by string) bool { return by != e.Source })
}

// met is the open run that an event met or made.
type met struct {
	runID string // empty: none
	begun bool   // an event of this door began it
	apart bool   // the event was not taken for what it says of the person: they are as they were
}

// after is what is known of a person after an event.
func (p person) after(e Event, o Outcome, m met) person {
	now := person{At: e.At, Kind: e.Kind, LastDay: e.LastDay, RunID: m.runID, FirmAt: p.FirmAt}
	if p.At.After(now.At) {
		now.At = p.At
	}
	if e.Soft && o.Result == AlreadyRunning {
		now.LastDay = p.LastDay // the run was not moved
	}
	switch {
	case m.runID == "" && o.Result != Held:
	case m.runID == p.RunID:
		now.AskedBy = p.AskedBy // of this run, or while the brake held it
	case m.runID != "" && !m.begun:
		now.AskedBy = []string{elsewhere}
	case p.RunID == "":
		now.AskedBy = p.AskedBy
	}
	if t := p.Tried; m.begun && t != nil && !t.Soft && !slices.Contains(now.AskedBy, t.By) {
		now.AskedBy = append(slices.Clone(now.AskedBy), t.By)
	}
	if e.Soft {
		return now
	}
	now.FirmAt = e.At
	if e.Kind != Cancelled && !slices.Contains(now.AskedBy, e.Source) {
		now.AskedBy = append(slices.Clone(now.AskedBy), e.Source)
	}
	return now
}

// leaving tells whether the last that was heard is that the person leaves, by this very run.
func (p person) leaving(run Run) bool {
	return p.Kind != Cancelled && p.RunID != "" && p.RunID == run.RunID
}

// forgetAsking forgets who asked for a run that never began.
func forgetAsking(tx *bbolt.Tx, who string) error {
	people := tx.Bucket(peopleBucket)
	p, found, err := get[person](people, []byte(who))
	if err != nil || !found {
		return err
	}
	p.AskedBy = nil
	return put(people, []byte(who), p)
}
