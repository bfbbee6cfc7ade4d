package scim

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// The values of scimType that are used here (RFC 7644, table 9).
const (
	invalidFilter = "invalidFilter"
	invalidPath   = "invalidPath"
	invalidSyntax = "invalidSyntax"
	invalidValue  = "invalidValue"
	mutability    = "mutability"
	noTarget      = "noTarget"
	tooMany       = "tooMany"
	uniqueness    = "uniqueness"
)

// failure is an answer that is no success, in SCIM's form.
type failure struct {
	status   int
	scimType string
	detail   string
	after    time.Duration // for Retry-After
	header   http.Header   // more of the answer's header
}

// Error implements error.
func (f *failure) Error() string { return f.detail }

func failf(status int, scimType, format string, args ...any) *failure {
	return &failure{status: status, scimType: scimType, detail: fmt.Sprintf(format, args...)}
}

// bad is a 400.
func bad(scimType, format string, args ...any) *failure {
	return failf(http.StatusBadRequest, scimType, format, args...)
}

// failureOf says an error in SCIM's words. What is not meant for the sender stays out.
func failureOf(err error) *failure {
	if f, yes := errors.AsType[*failure](err); yes {
		return f
	}
	if no, yes := errors.AsType[*Rejected](err); yes {
		return &failure{status: no.Status, detail: no.Why, after: no.After, header: no.Header}
	}
	if later, yes := errors.AsType[*Later](err); yes {
		return &failure{status: http.StatusServiceUnavailable, detail: later.Why + "; nothing was changed, send it again", after: max(later.After, time.Second)}
	}
	if refused, yes := errors.AsType[*Refused](err); yes {
		if refused.Conflict {
			return failf(http.StatusConflict, "", "%s", refused.Error())
		}
		return bad(invalidValue, "%s", refused.Error())
	}
	if errors.Is(err, ErrNoUser) {
		return failf(http.StatusNotFound, "", "there is no such user")
	}
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return &failure{status: http.StatusServiceUnavailable, detail: "it took too long; nothing was changed, send it again", after: 5 * time.Second}
	}
	return failf(http.StatusInternalServerError, "", "the request could not be carried out; send it again")
}

func (f *failure) write(w http.ResponseWriter) {
	for name, values := range f.header {
		w.Header()[name] = values
	}
	if f.after > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(int(math.Ceil(f.after.Seconds()))))
	}
	body := map[string]any{
		"schemas": []string{errorSchema},
		"status":  strconv.Itoa(f.status),
		"detail":  cmp.Or(f.detail, http.StatusText(f.status)),
	}
	if f.scimType != "" {
		body["scimType"] = f.scimType
	}
	writeJSON(w, f.status, body)
}

// lines puts every problem on a line of its own.
func lines(problems []string) string { return strings.Join(problems, "\n") }
