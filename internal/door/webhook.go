package door

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
)

// webhook takes what a sender signs by the Standard Webhooks specification: webhook-id is the idempotency key, the
// timestamp may differ from ours by five minutes.
func (d *Door) webhook(c *call) (any, error) {
	name := c.PathValue("source")
	i := slices.IndexFunc(d.config.Webhooks, func(w Webhook) bool { return w.Name == name })
	if i < 0 {
		return nil, &rejected{status: http.StatusNotFound, text: "no such webhook is configured"}
	}
	c.line.source = webhookSource(name)
	err := proven(c.Context(), d.config.Webhooks[i].Secrets, func(secret string) (bool, error) {
		verifier, err := standardwebhooks.NewWebhook(secret)
		if err != nil {
			return false, fmt.Errorf("a secret of webhook %s is not base64", name)
		}
		return verifier.Verify(c.body, c.Header) == nil, nil
	})
	if err != nil {
		return nil, err
	}
	if err := d.admit(c.line.source); err != nil {
		return nil, err
	}
	event, err := readWebhook(c.body, d.now())
	if err != nil {
		return nil, err
	}
	event.ID, event.Source = c.Header.Get(standardwebhooks.HeaderWebhookID), c.line.source
	return d.event(c, event)
}

// webhookKinds are the types of a body, and what they say.
var webhookKinds = map[string]Kind{
	"offboarding.requested": Requested, "offboarding.rescheduled": Rescheduled, "offboarding.cancelled": Cancelled,
}

// readWebhook reads a body of the generic webhook. The error is an *Invalid with every problem. Unknown fields beside
// "data" are the sender's business; within it one that is mistyped could mean today instead of next month.
func readWebhook(body []byte, now time.Time) (Event, error) {
	r := &fieldReader{}
	outer := r.object("the body", body)
	if outer == nil {
		return Event{}, &Invalid{Problems: r.problems}
	}
	var event Event
	kind := r.text(outer, "", "type", true)
	if event.Kind = webhookKinds[kind]; event.Kind == "" && kind != "" {
		r.add("\"type\" is %q: it must be \"offboarding.requested\", \"offboarding.rescheduled\" or \"offboarding.cancelled\"", kind)
	}
	event.At = r.time(outer, "", "timestamp", true)
	data := r.inner(outer, "", "data")
	if data != nil {
		r.known(data, "data.", "user", "effective_at", "reason", "requested_by", "ticket", "urgent")
		event.User = r.person(data)
		event.LastDay = r.time(data, "data.", "effective_at", event.Kind == Rescheduled)
		event.Reason = r.text(data, "data.", "reason", false)
		event.Ticket = r.text(data, "data.", "ticket", false)
		event.RequestedBy = r.text(data, "data.", "requested_by", false)
		event.Urgent = r.flag(data, "data.", "urgent")
	}
	if len(r.problems) == 0 {
		// The rules for these are the run's own; they are asked here so that the answer names the sender's fields.
		_, err := event.request("", now)
		if wrong, yes := errors.AsType[*Invalid](err); yes {
			for _, p := range wrong.Problems {
				r.add("%s", webhookNames.Replace(p))
			}
		}
	}
	if len(r.problems) > 0 {
		return Event{}, &Invalid{Problems: r.problems}
	}
	return event, nil
}

// webhookNames says in the sender's words what the engine calls otherwise.
var webhookNames = strings.NewReplacer(`"user"`, `"data.user"`, `"lastDay"`, `"data.effective_at"`, `"requestedBy"`, `"data.requested_by"`)

// person reads "user", which names somebody in one of two ways.
func (r *fieldReader) person(data map[string]json.RawMessage) string {
	user := r.inner(data, "data.", "user")
	if user == nil {
		return ""
	}
	const prefix = "data.user."
	r.known(user, prefix, "email", "iam_id")
	email, iamID := r.text(user, prefix, "email", false), r.text(user, prefix, "iam_id", false)
	if (email == "") == (iamID == "") {
		r.add(`"data.user" must have "email" or "iam_id", one of them`)
	}
	return email + iamID
}
