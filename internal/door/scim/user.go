package scim

import (
	"bytes"
	"encoding/json"
	"net/mail"
	"strconv"
	"strings"
	"time"
)

// User is a user as a Store keeps it, in JSON.
type User struct {
	ID       string     `json:"id"`
	Version  uint64     `json:"version"` // counts up with every change
	Created  time.Time  `json:"created"`
	Modified time.Time  `json:"modified"`
	Attrs    Attributes `json:"attributes"`
	Told     Told       `json:"told,omitzero"`
}

// Attributes are what the sender may set, under their names in the schema, without nulls and without a password.
type Attributes map[string]any

// UnmarshalJSON keeps numbers as they were written.
func (a *Attributes) UnmarshalJSON(data []byte) error {
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.UseNumber()
	var m map[string]any
	if err := dec.Decode(&m); err != nil {
		return err
	}
	*a = m
	return nil
}

// Told is what the engine was told of a user.
type Told struct {
	Stand Stand `json:"stand,omitempty"`
	// Person is the e-mail address under which it was told.
	Person string `json:"person,omitempty"`
	// Change and Since are the ID of the last change that was begun and when it was asked for first.
	Change string    `json:"change,omitempty"`
	Since  time.Time `json:"since,omitzero"`
}

// Stand is what the engine believes of a user's leaving.
type Stand string

// The stands.
const (
	Staying Stand = ""        // it was told nothing, or that the person stays
	Leaving Stand = "leaving" // it was told that the person was deactivated
	// Unsure: a change was sent and never confirmed. It may have arrived: what comes next is told whatever the user was.
	Unsure Stand = "unsure"
)

// Name is the userName.
func (u User) Name() string { return textOf(u.Attrs["userName"]) }

// nameKey is what two userNames that are the same have in common.
func nameKey(name string) string { return strings.ToLower(name) }

// ExternalID is the sender's own ID of the user; empty if it gave none.
func (u User) ExternalID() string { return textOf(u.Attrs["externalId"]) }

// active tells whether the user is active, which one of whom nothing else was said is.
func (a Attributes) active() bool {
	b, said := a["active"].(bool)
	return b || !said
}

// etag is the weak entity tag of the user's version (RFC 7644, section 3.14).
func (u User) etag() string { return `W/"` + strconv.FormatUint(u.Version, 10) + `"` }

// person is the e-mail address by which the account knows the user: the userName if it is one, else the primary one, else
// the one for work, else the only one. It is empty if there is none.
func (a Attributes) person() string {
	if name := textOf(a["userName"]); isEmail(name) {
		return name
	}
	primary, work := "", ""
	emails, _ := a["emails"].([]any)
	for _, e := range emails {
		email, _ := e.(map[string]any)
		value := textOf(email["value"])
		if !isEmail(value) {
			continue
		}
		if email["primary"] == true && primary == "" {
			primary = value
		}
		if (strings.EqualFold(textOf(email["type"]), "work") || len(emails) == 1) && work == "" {
			work = value
		}
	}
	if primary != "" {
		return primary
	}
	return work
}

func isEmail(s string) bool {
	a, err := mail.ParseAddress(s)
	return err == nil && a.Address == s
}

func textOf(v any) string {
	s, _ := v.(string)
	return s
}

// copyOf copies a value of JSON all the way down.
func copyOf(v any) any {
	switch v := v.(type) {
	case map[string]any:
		m := make(map[string]any, len(v))
		for k, e := range v {
			m[k] = copyOf(e)
		}
		return m
	case []any:
		l := make([]any, len(v))
		for i, e := range v {
			l[i] = copyOf(e)
		}
		return l
	}
	return v
}
