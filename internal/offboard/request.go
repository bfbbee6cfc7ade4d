package offboard

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/mail"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"time"
)

// The values of Request.Mode, Request.Approval and Request.OnFailure; the first of each is the default.
const (
	ModeExecute = "execute"
	ModePlan    = "plan"

	ApprovalRequired = "required"
	ApprovalNone     = "none"

	OnFailureHold       = "hold"
	OnFailureCompensate = "compensate"
)

// DefaultSoak is the soak where the request names none.
const DefaultSoak = 24 * hour

// Request is the input of an offboarding, as it was given and with the defaults filled in. Only User is required.
type Request struct {
	User          string    `json:"user"` // e-mail address or IAM ID
	Mode          string    `json:"mode"`
	Approval      string    `json:"approval"`
	LastDay       time.Time `json:"lastDay,omitzero"` // nothing is changed before this moment
	Soak          Duration  `json:"soak"`
	OnFailure     string    `json:"onFailure"`
	RemoveUser    bool      `json:"removeUser"`
	FunctionalIDs []string  `json:"functionalIds,omitempty"` // e-mail addresses; default: all that are configured
	Account       string    `json:"account,omitempty"`
	Reason        string    `json:"reason,omitempty"`
	Ticket        string    `json:"ticket,omitempty"`
	RequestedBy   string    `json:"requestedBy,omitempty"`
	// Urgent puts the run's steps before those of other runs that wait at the same time; nothing else is different.
	Urgent bool `json:"urgent,omitempty"`
}

// Example is a correct input, shown with every refusal.
const Example = `{"user": "leaver@acme.example", "mode": "execute", "lastDay": "2026-12-31T17:00:00+01:00", "soak": "24h", "ticket": "HR-1234", "requestedBy": "requester@acme.example"}`

// InvalidInput lists everything that is wrong with an input at once.
type InvalidInput struct {
	Problems []string
	// Example is a correct input; empty: that of an offboarding.
	Example string
}

// Error implements error: one line a problem, then a correct example.
func (e *InvalidInput) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "the input has %d problem", len(e.Problems))
	if len(e.Problems) != 1 {
		b.WriteByte('s')
	}
	for i, p := range e.Problems {
		fmt.Fprintf(&b, "\n%d. %s", i+1, p)
	}
	b.WriteString("\nA correct example: " + cmp.Or(e.Example, Example))
	return b.String()
}

// DecodeRequest reads the JSON input of an offboarding, fills in the defaults and checks everything that can be checked
// without looking at the account. The error, if any, is an *InvalidInput with every problem.
func DecodeRequest(data []byte, now time.Time) (Request, error) {
	r := Request{Mode: ModeExecute, Approval: ApprovalRequired, Soak: DefaultSoak, OnFailure: OnFailureHold, RemoveUser: true}
	problems, unread := decodeObject(data, &r)
	problems = append(problems, r.problems(now, unread)...)
	if len(problems) > 0 {
		return Request{}, &InvalidInput{Problems: problems}
	}
	return r, nil
}

// decodeObject fills the fields of a request. It tells whether the user could not be read, which is then not missing
// besides.
func decodeObject(data []byte, into *Request) (problems []string, unread bool) {
	problems, wrong := decodeFields(data, fieldsOf(into))
	return problems, wrong == nil || slices.Contains(wrong, "user")
}

// decodeFields fills fields from one JSON object, one by one, so that one wrong field does not hide the others. It names
// those that are given but cannot be read; nil: nothing could be read.
func decodeFields(data []byte, fields fieldList) (problems, wrong []string) {
	data = bytes.TrimSpace(data)
	if len(data) == 0 || bytes.Equal(data, []byte("null")) {
		return []string{"there is no input: give one JSON object"}, nil
	}
	dec := json.NewDecoder(bytes.NewReader(data))
	start, err := dec.Token()
	if err != nil {
		return []string{"the input is not JSON: " + err.Error()}, nil
	}
	if start != json.Delim('{') {
		return []string{fmt.Sprintf("the input must be one JSON object, not %s", kindOf(data))}, nil
	}
	wrong = []string{}
	seen := map[string]bool{}
	for dec.More() {
		key, err := dec.Token()
		if err != nil {
			return append(problems, "the input is not JSON: "+err.Error()), nil
		}
		name, _ := key.(string)
		var raw json.RawMessage
		if err := dec.Decode(&raw); err != nil {
			return append(problems, "the input is not JSON: "+err.Error()), nil
		}
		target, known := fields.byName(name)
		switch {
		case !known:
			problems = append(problems, fmt.Sprintf("unknown field %q%s", name, didYouMean(name, fields.names())))
		case seen[name]:
			problems = append(problems, fmt.Sprintf("field %q is given twice", name))
		default:
			if err := json.Unmarshal(raw, target.pointer); err != nil || string(raw) == "null" || emptyTime(target.pointer) {
				problems = append(problems, fmt.Sprintf("%q must be %s, not %s", name, target.wants, short(raw)))
				wrong = append(wrong, name)
			}
		}
		seen[name] = true
	}
	if _, err := dec.Token(); err != nil {
		return append(problems, "the input is not JSON: "+err.Error()), nil
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		problems = append(problems, "there is more after the JSON object: give exactly one")
	}
	return problems, wrong
}

// emptyTime tells whether a time is the first moment of the calendar, which programs write for "no date".
func emptyTime(pointer any) bool {
	t, ok := pointer.(*time.Time)
	return ok && t.IsZero()
}

type field struct {
	name    string
	wants   string
	pointer any
}

type fieldList []field

func (l fieldList) byName(name string) (field, bool) {
	i := slices.IndexFunc(l, func(f field) bool { return f.name == name })
	if i < 0 {
		return field{}, false
	}
	return l[i], true
}

func (l fieldList) names() []string {
	names := make([]string, len(l))
	for i, f := range l {
		names[i] = f.name
	}
	return names
}

func fieldsOf(r *Request) fieldList {
	v := reflect.ValueOf(r).Elem()
	list := make(fieldList, v.NumField())
	for i := range list {
		name, _, _ := strings.Cut(v.Type().Field(i).Tag.Get("json"), ",")
		p := v.Field(i).Addr().Interface()
		list[i] = field{name: name, wants: wants(p), pointer: p}
	}
	return list
}

func wants(pointer any) string {
	switch pointer.(type) {
	case *string:
		return "text"
	case *bool:
		return "true or false"
	case *time.Time:
		return "a time with zone like \"2026-12-31T17:00:00+01:00\""
	case *Duration:
		return "a duration like \"90m\", \"24h\" or \"7d\""
	case *[]string:
		return "a list of texts"
	}
	return "something else"
}

func short(raw json.RawMessage) string {
	const most = 60
	text := string(raw)
	if len(text) > most {
		text = strings.ToValidUTF8(text[:most], "") + "…"
	}
	return text
}

func kindOf(data []byte) string {
	switch data[0] {
	case '[':
		return "a list"
	case '"':
		return "text"
	case 't', 'f':
		return "true or false"
	}
	return "a number"
}

var (
	iamID = regexp.MustCompile(`^(IBMid|SL|BSS|iam)-[A-Za-z0-9_@.:-]+$`)
	// oldest and farthest bound a last day that was meant: a typing error in the year lands outside.
	oldest, farthest = 366 * 24 * time.Hour, 5 * 366 * 24 * time.Hour
)

func (r *Request) problems(now time.Time, unread bool) []string {
	var list []string
	add := func(format string, args ...any) { list = append(list, fmt.Sprintf(format, args...)) }

	r.User = strings.TrimSpace(r.User)
	switch {
	case unread:
	case r.User == "":
		add("\"user\" is missing: the e-mail address or the IAM ID of the person who leaves")
	case strings.HasPrefix(r.User, "iam-"):
		add("\"user\" %q is a service ID or a trusted profile: only a person can be offboarded", r.User)
	case !isEmail(r.User) && !iamID.MatchString(r.User):
		add("\"user\" %q is neither an e-mail address nor an IAM ID like \"IBMid-…\"", r.User)
	}
	list = append(list, r.soakProblems()...)
	if !r.LastDay.IsZero() {
		switch {
		case r.LastDay.Before(now.Add(-oldest)):
			add("\"lastDay\" %s is more than a year ago: check the year; leave it out to begin now", r.LastDay.Format(time.RFC3339))
		case r.LastDay.After(now.Add(farthest)):
			add("\"lastDay\" %s is more than five years ahead: check the year", r.LastDay.Format(time.RFC3339))
		}
	}
	return append(list, r.choices()...)
}

func (r *Request) soakProblems() []string {
	switch {
	case r.Soak < 0:
		return []string{"\"soak\" is negative"}
	case r.Soak > 90*24*hour:
		return []string{"\"soak\" is longer than 90 days"}
	}
	return nil
}

// choices are the problems of what every kind of run is asked for.
func (r *Request) choices() []string {
	var list []string
	add := func(format string, args ...any) { list = append(list, fmt.Sprintf(format, args...)) }
	oneOf := func(name, value string, allowed ...string) {
		if !slices.Contains(allowed, value) {
			add("%q is %q: it must be %q or %q", name, value, allowed[0], allowed[1])
		}
	}
	oneOf("mode", r.Mode, ModeExecute, ModePlan)
	oneOf("approval", r.Approval, ApprovalRequired, ApprovalNone)
	oneOf("onFailure", r.OnFailure, OnFailureHold, OnFailureCompensate)
	for _, f := range r.FunctionalIDs {
		if !isEmail(f) {
			add("\"functionalIds\": %q is not an e-mail address", f)
		}
	}
	if r.RequestedBy != "" && !isEmail(r.RequestedBy) {
		add("\"requestedBy\" %q is not an e-mail address", r.RequestedBy)
	}
	return list
}

func isEmail(s string) bool {
	a, err := mail.ParseAddress(s)
	return err == nil && a.Address == s
}
