package ibmcloud

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/IBM/go-sdk-core/v5/core"

	"offboard/internal/offboard"
)

// This file alone reads status codes and error bodies. It works from the response and not from the SDK's error: the text
// of that can be empty, lacks what the Kubernetes Service says (trap 32), and asking it for more can panic (trap 33).

// longestWait caps what a Retry-After may ask for (trap 37).
const longestWait = 5 * time.Minute

// failed translates a call that did not succeed. A context that ended is returned as it is, without wrapping, because
// it says nothing of the service.
func failed(ctx context.Context, o op, ex *exchange, response *core.DetailedResponse) error {
	if response != nil {
		return answered(o, response)
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	if ex.unsent != nil {
		refused := *ex.unsent
		refused.Op = o.text
		return &refused
	}
	if !ex.began {
		return offboard.Errorf(offboard.Invalid, o.text, "the request could not be built from its arguments")
	}
	e := offboard.Errorf(offboard.Unavailable, o.text, "no answer came from IBM Cloud%s", because(ex.lost))
	e.Ambiguous = o.once && ex.connected
	return e
}

// answered translates a refusal, or an answer of success that cannot be read (trap 54).
func answered(o op, response *core.DetailedResponse) *offboard.Error {
	said := read(response)
	e := &offboard.Error{
		Code:       meaning(response.StatusCode, said),
		Op:         o.text,
		Message:    said.message(response.StatusCode),
		RequestID:  requestID(response.Headers, said.id),
		RetryAfter: retryAfter(response.Headers, time.Now()),
	}
	e.Ambiguous = o.once && e.Code == offboard.Unavailable
	return e
}

// unreadable is a success whose body is empty where something was due (trap 59).
func unreadable(o op, response *core.DetailedResponse) error {
	e := offboard.Errorf(offboard.Unavailable, o.text, "IBM Cloud answered with nothing where something was due")
	if response != nil {
		e.RequestID = requestID(response.Headers, "")
	}
	e.Ambiguous = o.once
	return e
}

// meaning is the table from what a service says to what it means for a step. The vendor's code goes before the status,
// because some statuses are not documented and one misleads (trap 6).
func meaning(status int, said statement) offboard.Code {
	if said.foreign || status < 400 {
		return offboard.Unavailable // a proxy's page or an unreadable success, not the service's word
	}
	switch said.code {
	case "A03e9b", "BXNIM0151E":
		return offboard.KeyLimit
	case "E0008", "G0004", "E0051":
		return offboard.NotFound
	case "A0002":
		return offboard.Unavailable
	}
	return meaningOf(status)
}

// meaningOf is the part of the table that needs the status only.
func meaningOf(status int) offboard.Code {
	switch status {
	case http.StatusUnauthorized, http.StatusForbidden:
		return offboard.Denied
	case http.StatusNotFound, http.StatusGone:
		return offboard.NotFound
	case http.StatusConflict, http.StatusPreconditionFailed:
		return offboard.Conflict
	case http.StatusLocked:
		return offboard.Locked
	case http.StatusTooManyRequests:
		return offboard.RateLimited
	case http.StatusRequestTimeout, http.StatusTooEarly:
		return offboard.Unavailable
	case http.StatusNotImplemented:
		return offboard.Unsupported
	}
	if status >= 400 && status < 500 {
		return offboard.Invalid
	}
	return offboard.Unavailable
}

// refusedToken translates IAM's answer to a token request. Every refusal is the identity's own key's fault; worked tells
// that IAM took the same key before and has not refused it for long. Then it may be a replica that lags behind, which
// has the same code (BXNIM0415E) as a deleted key, and asking again is worth it.
func refusedToken(status int, header http.Header, body []byte, worked bool) *offboard.Error {
	said := read(&core.DetailedResponse{StatusCode: status, Headers: header, Result: object(body), RawResult: body})
	e := &offboard.Error{
		Code:       meaningOf(status),
		Message:    "get an access token: " + statement{code: said.code}.message(status),
		RequestID:  requestID(header, said.id),
		RetryAfter: retryAfter(header, time.Now()),
	}
	switch {
	case said.foreign, worked && said.code == "BXNIM0415E":
		e.Code = offboard.Unavailable
	case status >= 400 && status < 500 && e.Code != offboard.RateLimited && e.Code != offboard.Unavailable:
		e.Code = offboard.Denied
	}
	return e
}

// item translates one entry of a 207 answer, nil if it succeeded (trap 25). What a later attempt may cure is Partial.
func item(o op, status int64, codes []string) error {
	if status >= 200 && status < 300 {
		return nil
	}
	code := meaningOf(int(status))
	if code != offboard.Denied && code != offboard.RateLimited {
		code = offboard.Partial
	}
	said := statement{code: strings.Join(codes, ", ")}
	return offboard.Errorf(code, o.text, "%s", said.message(int(status)))
}

// tokenRefused tells whether a service does not accept the access token.
func tokenRefused(response *http.Response) bool {
	return response.StatusCode == http.StatusUnauthorized
}

// refusal tells whether a service answered that it did nothing.
func refusal(response *http.Response) bool {
	return response.StatusCode >= 400 && response.StatusCode < 500
}

// throttled tells whether a service refused a request because there were too many.
func throttled(response *http.Response) bool {
	return response.StatusCode == http.StatusTooManyRequests
}

// granted tells whether a token request succeeded.
func granted(response *http.Response) bool { return response.StatusCode == http.StatusOK }

// nullList tells whether an answer is the list null, which some servers write for an empty one and the SDK refuses
// (trap 59). An empty body is not: it may be a cut-off answer.
func nullList(response *core.DetailedResponse) bool {
	if response == nil || response.StatusCode != http.StatusOK {
		return false
	}
	list, ok := response.Result.([]json.RawMessage)
	return ok && list == nil
}

// conflictingPolicy is the policy that a refused creation says it conflicts with, empty if none is named (trap 26).
func conflictingPolicy(response *core.DetailedResponse) string {
	if response == nil || response.StatusCode != http.StatusConflict {
		return ""
	}
	details := member(first(response.Result, "errors"), "details")
	id, _ := member(member(details, "conflicts_with"), "policy").(string)
	return id
}

// statement is what an error body says, in any of IBM's shapes: IAM's errorCode, the list of errors of user management,
// groups and policies, and the Kubernetes Service's code and description.
type statement struct {
	code        string
	description string // the Kubernetes Service's only; other texts are left out, they may repeat what was sent
	id          string
	foreign     bool // there is a body and it is none of the service's
}

func read(response *core.DetailedResponse) statement {
	body, ok := response.Result.(map[string]any)
	if !ok {
		return statement{foreign: len(response.RawResult) > 0}
	}
	s := statement{id: text(body, "incidentID", "trace"), code: text(body, "errorCode", "code")}
	s.description = text(body, "description")
	if s.id == "" {
		s.id = text(body["context"], "requestId")
	}
	if s.code == "" {
		s.code = text(first(body, "errors"), "code")
	}
	return s
}

// message is the status and the vendor's code in words.
func (s statement) message(status int) string {
	m := fmt.Sprintf("IBM Cloud answered %d %s", status, http.StatusText(status))
	switch {
	case s.foreign || status < 400:
		return m + " with something that is not its JSON"
	case s.code != "" && s.description != "":
		return fmt.Sprintf("%s (%s: %s)", m, s.code, short(s.description))
	case s.code != "":
		return fmt.Sprintf("%s (%s)", m, s.code)
	}
	return m
}

// requestID is the vendor's name for the request: the header of the service's family, or what the body says.
func requestID(header http.Header, otherwise string) string {
	for _, name := range []string{"Transaction-Id", "X-Request-Id", "X-Correlation-ID"} {
		if id := header.Get(name); id != "" {
			return id
		}
	}
	return otherwise
}

// retryAfter reads seconds or a date.
func retryAfter(header http.Header, now time.Time) time.Duration {
	text := header.Get("Retry-After")
	if text == "" {
		return 0
	}
	if seconds, err := strconv.Atoi(text); err == nil {
		return min(max(time.Duration(seconds), 0)*time.Second, longestWait)
	}
	if at, err := http.ParseTime(text); err == nil {
		return min(max(at.Sub(now), 0), longestWait)
	}
	return 0
}

func object(body []byte) any {
	var m map[string]any
	if json.Unmarshal(body, &m) != nil {
		return nil
	}
	return m
}

func member(v any, name string) any {
	m, _ := v.(map[string]any)
	return m[name]
}

func first(v any, name string) any {
	list, _ := member(v, name).([]any)
	if len(list) == 0 {
		return nil
	}
	return list[0]
}

func text(v any, names ...string) string {
	for _, name := range names {
		if s, ok := member(v, name).(string); ok && s != "" {
			return s
		}
	}
	return ""
}

// because is a network error in words. It is the transport's own, which quotes no header and no body.
func because(err error) string {
	if err == nil {
		return ""
	}
	return " (" + short(err.Error()) + ")"
}

// short keeps a vendor's sentence on one line of a report.
func short(s string) string {
	const most = 160
	s = strings.Join(strings.Fields(s), " ")
	if len(s) > most {
		return strings.ToValidUTF8(s[:most], "") + "…"
	}
	return s
}
