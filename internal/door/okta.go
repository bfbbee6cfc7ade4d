package door

import (
	"encoding/json"
	"net/http"
	"net/mail"
	"slices"
	"time"
)

// oktaChallenge answers the one request by which Okta makes sure that the hook is ours.
func (d *Door) oktaChallenge(c *call) (any, error) {
	challenge := c.Header.Get("X-Okta-Verification-Challenge")
	if challenge == "" {
		return nil, &rejected{status: http.StatusBadRequest, text: "the header X-Okta-Verification-Challenge is missing"}
	}
	return map[string]string{"verification": challenge}, nil
}

// oktaBody is the part of Okta's event hook that is needed.
type oktaBody struct {
	Data struct {
		Events []oktaEvent `json:"events"`
	} `json:"data"`
}

// oktaEvent is an entry of Okta's system log.
type oktaEvent struct {
	UUID      string       `json:"uuid"`
	Published time.Time    `json:"published"`
	EventType string       `json:"eventType"`
	Actor     oktaEntity   `json:"actor"`
	Target    []oktaEntity `json:"target"`
	Outcome   struct {
		Result string `json:"result"`
	} `json:"outcome"`
}

type oktaEntity struct {
	Type        string `json:"type"`
	AlternateID string `json:"alternateId"` // the login, most often an e-mail address
}

// oktaMeanings are the types of events that are understood. A suspension may end again, so it is soft; an account that is
// active again does not speak against what somebody else said of the person.
var oktaMeanings = map[string]struct {
	kind Kind
	soft bool
}{
	"user.lifecycle.deactivate":       {Requested, false},
	"user.lifecycle.delete.initiated": {Requested, false},
	"user.lifecycle.suspend":          {Requested, true},
	"user.lifecycle.unsuspend":        {Cancelled, true},
	"user.lifecycle.activate":         {Cancelled, true}, // also of new people, for whom there is nothing to do
	"user.lifecycle.reactivate":       {Cancelled, true},
}

// oktaEvents takes what an Okta event hook delivers. Okta waits three seconds and tries once more, so the events are kept
// on the disk, answered, and applied afterwards. One that is not understood does not keep the others of its delivery out.
func (d *Door) oktaEvents(c *call) (any, error) {
	given := c.Header.Get("Authorization")
	err := proven(c.Context(), d.config.Okta.Secrets, func(secret string) (bool, error) { return given != "" && same(given, secret), nil })
	if err != nil {
		return nil, err
	}
	if err := d.admit(oktaSource); err != nil {
		return nil, err
	}
	var body oktaBody
	if err := json.Unmarshal(c.body, &body); err != nil {
		return nil, &Invalid{Problems: []string{"the body is not that of an Okta event hook"}}
	}
	var events []Event
	for _, o := range body.Data.Events {
		e, understood := d.oktaEvent(o)
		if !understood {
			continue
		}
		c.line.events = append(c.line.events, e.ID)
		c.line.kind, c.line.user = string(e.Kind), e.User
		events = append(events, e)
	}
	c.line.outcome = Ignored
	if len(events) == 0 {
		return empty{}, nil
	}
	slices.SortStableFunc(events, func(a, b Event) int { return a.At.Compare(b.At) })
	fresh, err := d.store.enqueue(events, d.now())
	if err != nil {
		return nil, err
	}
	c.line.outcome, c.line.duplicate = Queued, fresh == 0
	d.stir()
	return empty{}, nil
}

// oktaEvent makes an event of an entry. It tells whether the entry concerns us and can be understood.
func (d *Door) oktaEvent(o oktaEvent) (Event, bool) {
	meaning, known := oktaMeanings[o.EventType]
	if !known || o.Outcome.Result != "SUCCESS" {
		return Event{}, false
	}
	e := Event{ID: o.UUID, Source: oktaSource, Kind: meaning.kind, At: o.Published, Soft: meaning.soft, Reason: "Okta: " + o.EventType}
	if i := slices.IndexFunc(o.Target, func(t oktaEntity) bool { return t.Type == "User" }); i >= 0 {
		e.User = o.Target[i].AlternateID
	}
	if o.Actor.Type == "User" && isEmail(o.Actor.AlternateID) {
		e.RequestedBy = o.Actor.AlternateID
	}
	if e.Soft && e.Kind == Requested {
		e.LastDay = o.Published.Add(d.config.Okta.Grace)
	}
	e, err := e.complete(d.config.RequestedBy, d.now())
	if err != nil {
		d.misunderstood(oktaSource, o.UUID, err)
		return Event{}, false
	}
	return e, true
}

func isEmail(text string) bool {
	a, err := mail.ParseAddress(text)
	return err == nil && a.Address == text
}
