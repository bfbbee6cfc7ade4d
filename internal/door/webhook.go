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

	"offboard/internal/offboard"
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
		r.known(data, "data.", "user", "effective_at", "reason", "requested_by", "ticket")
		event.User = r.person(data)
		event.LastDay = r.time(data, "data.", "effective_at", event.Kind == Rescheduled)
		event.Reason = r.text(data, "data.", "reason", false)
		event.Ticket = r.text(data, "data.", "ticket", false)
		event.RequestedBy = r.text(data, "data.", "requested_by", false)
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

// fieldReader reads the fields of JSON objects and goes on after each problem.
type fieldReader struct{ problems []string }

func (r *fieldReader) add(format string, args ...any) {
	r.problems = append(r.problems, fmt.Sprintf(format, args...))
}

func (r *fieldReader) object(what string, data []byte) map[string]json.RawMessage {
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(data, &fields); err != nil || fields == nil {
		r.add("%s must be a JSON object", what)
		return nil
	}
	return fields
}

func (r *fieldReader) inner(fields map[string]json.RawMessage, prefix, name string) map[string]json.RawMessage {
	raw, given := fields[name]
	if !given {
		r.add("%q is missing", prefix+name)
		return nil
	}
	return r.object(fmt.Sprintf("%q", prefix+name), raw)
}

func (r *fieldReader) known(fields map[string]json.RawMessage, prefix string, names ...string) {
	var wrong []string
	for name := range fields {
		if !slices.Contains(names, name) {
			wrong = append(wrong, name)
		}
	}
	slices.Sort(wrong)
	for _, name := range wrong {
		hint := ": known are " + strings.Join(names, ", ")
		if near := offboard.SimilarTo(name, names); len(near) > 0 {
			hint = fmt.Sprintf(": did you mean %q?", prefix+near[0])
		}
		r.add("unknown field %q%s", prefix+name, hint)
	}
}

// text reads a text. One that may be left out may be null too.
func (r *fieldReader) text(fields map[string]json.RawMessage, prefix, name string, needed bool) string {
	raw, given := fields[name]
	if !given || !needed && string(raw) == "null" {
		if needed {
			r.add("%q is missing", prefix+name)
		}
		return ""
	}
	var value *string
	if err := json.Unmarshal(raw, &value); err != nil || value == nil || needed && *value == "" {
		r.add("%q must be text", prefix+name)
		return ""
	}
	return *value
}

// time reads a moment. One that is null is a problem even where it may be left out: somebody meant to give a day.
func (r *fieldReader) time(fields map[string]json.RawMessage, prefix, name string, needed bool) time.Time {
	raw, given := fields[name]
	if !given {
		if needed {
			r.add("%q is missing", prefix+name)
		}
		return time.Time{}
	}
	var value time.Time
	if err := json.Unmarshal(raw, &value); err != nil || value.IsZero() {
		r.add("%q must be a time with zone like \"2026-12-31T17:00:00+01:00\"", prefix+name)
	}
	return value
}

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
