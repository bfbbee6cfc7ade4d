package door

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// proven tells whether one of several secrets proves who sent a request; several hold while one is replaced. Every
// secret is tried, so the time it takes tells nothing.
//
// A sender that can be shown by none of those that can be read, while others cannot, is not told that it is wrong: HR
// systems give up on that.
func proven(ctx context.Context, secrets []Secret, proves func(secret string) (bool, error)) error {
	found := false
	var unread error
	for _, s := range secrets {
		value, err := s(ctx)
		if err == nil {
			var yes bool
			yes, err = proves(value)
			found = found || yes
		}
		if err != nil {
			unread = err
		}
	}
	switch {
	case found:
		return nil
	case unread != nil:
		return unreadable(unread)
	}
	return &rejected{status: http.StatusUnauthorized, text: "the signature or secret is wrong"}
}

// same compares in a time that tells neither the content nor the length.
func same(a, b string) bool {
	x, y := sha256.Sum256([]byte(a)), sha256.Sum256([]byte(b))
	return subtle.ConstantTimeCompare(x[:], y[:]) == 1
}

// bearer is the token of a request's Authorization header; empty if there is none.
func bearer(r *http.Request) string {
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return ""
	}
	return strings.TrimSpace(token)
}

// holds checks a bearer token against several. The error asks for one where there is none or it is wrong.
func holds(r *http.Request, tokens []Secret) error {
	token := bearer(r)
	err := proven(r.Context(), tokens, func(secret string) (bool, error) { return token != "" && same(token, secret), nil })
	if no, yes := errors.AsType[*rejected](err); yes {
		no.text, no.header = "a bearer token is needed", http.Header{"Www-Authenticate": {"Bearer"}}
	}
	return err
}

// operator finds who asks. Every token is tried.
func (d *Door) operator(c *call) (Operator, error) {
	var who Operator
	var failed error
	for _, o := range d.config.Operators {
		err := holds(c.Request, []Secret{o.Token})
		if err == nil && who.Email != "" && who.Email != o.Email {
			return Operator{}, &Away{After: time.Minute, Why: "two operators have this token, so nobody knows who asks"}
		}
		if err == nil {
			who = o
			continue
		}
		if _, yes := errors.AsType[*Away](err); yes {
			failed = err
		}
	}
	switch {
	case who.Email != "":
		c.line.by = who.Email
		return who, d.admit(operatorSource)
	case failed != nil:
		return who, fmt.Errorf("look up the operators: %w", failed)
	}
	return who, &rejected{status: http.StatusUnauthorized, text: "an operator's bearer token is needed", header: http.Header{"Www-Authenticate": {"Bearer"}}}
}
