package door_test

import (
	"context"
	"crypto/ed25519"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"offboard/internal/door"
	"offboard/internal/offboard"
)

// approvalKey opens nothing: everybody knows its seed.
var approvalKey = ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize))

func vouching(c *door.Config) {
	braked(100)(c)
	c.ApprovalKey = secret(base64.StdEncoding.EncodeToString(approvalKey.Seed()))[0]
}

// says tells the leaver's run something with the token of platform@acme.example.
func says(verb, body string, change ...func(*http.Request)) *http.Request {
	r := authorized(request("/runs/"+url.PathEscape("offboard/acc/"+leaver)+"/"+verb, body), token)
	for _, c := range change {
		c(r)
	}
	return r
}

func idempotent(key string) func(*http.Request) {
	return func(r *http.Request) { r.Header.Set("Idempotency-Key", key) }
}

func TestOperatorsAnswerRuns(t *testing.T) {
	const by = leaver + " by platform@acme.example"
	for name, c := range map[string]struct {
		body, told string
		want       door.Result
	}{
		"approve":    {`{"digest": "0123456789ab", "answers": {"key/ApiKey-1": "retire"}, "note": "agreed"}`, "approve " + by, door.Approved},
		"reject":     {`{}`, "reject " + by, door.Rejected},
		"reinstate":  {`{"note": "the contract was extended"}`, "reinstate " + by, door.Reinstated},
		"reschedule": {`{"lastDay": "2027-01-31T17:00:00+01:00"}`, "reschedule " + by, door.Moved},
		"resolve":    {`{"scope": "eu-de/apps", "action": "retry"}`, "resolve eu-de/apps retry " + by, door.Resolved},
	} {
		t.Run(name, func(t *testing.T) {
			e := newEngine()
			s := newServer(t, e, vouching)
			apply(t, s.door, event("1", door.Requested, lastDay(future)))
			w := s.do(t, says(name, c.body))
			require.Equal(t, http.StatusOK, w.Code, w.Body.String())
			var o door.Outcome
			decode(t, w, &o)
			assert.Equal(t, c.want, o.Result)
			assert.Equal(t, "offboard/acc/"+leaver, o.Run)
			assert.Equal(t, []string{c.told}, e.messages())
			assert.Equal(t, "platform@acme.example", s.lastLine(t)["by"])

			again := authorized(request("/runs/"+name+"?user="+url.QueryEscape(leaver), c.body), "another-token-0123456789")
			w = s.do(t, again)
			require.Equal(t, http.StatusOK, w.Code, w.Body.String())
			assert.Contains(t, e.messages()[1], "by security@acme.example", "another token is another person")
		})
	}
}

// The claim that is signed speaks for this person, run, plan and answers, and for nothing else.
func TestApprovalsAreVouchedFor(t *testing.T) {
	pkcs8, err := x509.MarshalPKCS8PrivateKey(approvalKey)
	require.NoError(t, err)
	for form, text := range map[string]string{
		"seed": base64.StdEncoding.EncodeToString(approvalKey.Seed()),
		"PEM":  string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8})),
	} {
		t.Run(form, func(t *testing.T) {
			e := newEngine()
			s := newServer(t, e, vouching, func(c *door.Config) { c.ApprovalKey = secret(text)[0] })
			apply(t, s.door, event("1", door.Requested))
			require.Equal(t, http.StatusOK, s.do(t, says("approve", `{"digest": "0123456789ab", "answers": {"key/ApiKey-1": "retire"}}`)).Code)
			require.Len(t, e.approvals, 1)
			a := e.approvals[0]
			claim := offboard.ApprovalClaim{WorkflowID: "offboard/acc/" + leaver, RunID: "run-1", Digest: "0123456789ab", By: "platform@acme.example", Answers: map[string]string{"key/ApiKey-1": "retire"}}
			keys := []string{door.ApproverKey(approvalKey)}
			assert.True(t, claim.Proven(a.Proof, keys))
			claim.By = "security@acme.example"
			assert.False(t, claim.Proven(a.Proof, keys))
		})
	}
}

func TestApprovalsWithoutAKeyAreNotVouchedFor(t *testing.T) {
	e := newEngine()
	s := newServer(t, e, braked(100))
	apply(t, s.door, event("1", door.Requested))
	require.Equal(t, http.StatusOK, s.do(t, says("approve", `{"digest": "0123456789ab"}`)).Code)
	assert.Empty(t, e.approvals[0].Proof)
}

func TestAnApprovalKeyThatCannotBeUsed(t *testing.T) {
	for name, key := range map[string]door.Secret{
		"unreadable": func(context.Context) (string, error) { return "", errDown },
		"no key":     secret("no key at all, but a secret")[0],
		"another":    secret("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n")[0],
	} {
		t.Run(name, func(t *testing.T) {
			e := newEngine()
			s := newServer(t, e, vouching, func(c *door.Config) { c.ApprovalKey = key })
			apply(t, s.door, event("1", door.Requested))
			w := s.do(t, says("approve", `{"digest": "0123456789ab"}`))
			assert.Equal(t, http.StatusServiceUnavailable, w.Code, "nothing is approved that the door cannot vouch for")
			assert.Empty(t, e.approvals)
			assert.NotContains(t, w.Body.String(), "no key at all")
		})
	}
}

func TestOperatorsSeeRuns(t *testing.T) {
	e := newEngine()
	s := newServer(t, e, vouching)
	apply(t, s.door, event("1", door.Requested))
	for _, path := range []string{"/runs/" + url.PathEscape("offboard/acc/"+leaver), "/runs?user=" + leaver} {
		w := s.get(t, path, token)
		require.Equal(t, http.StatusOK, w.Code)
		var shown struct {
			Link     string
			Progress offboard.Progress
		}
		decode(t, w, &shown)
		assert.Equal(t, "offboard/acc/"+leaver, shown.Progress.WorkflowID)
		assert.NotEmpty(t, shown.Link)
	}
	assert.Equal(t, http.StatusNotFound, s.get(t, "/runs?user=nobody@acme.example", token).Code)
	assert.Equal(t, http.StatusBadRequest, s.get(t, "/runs", token).Code)
	assert.Equal(t, http.StatusUnauthorized, s.get(t, "/runs?user="+leaver, "").Code)
	e.setAway(&door.Away{Why: "the engine does not answer", After: time.Second})
	assert.Equal(t, http.StatusServiceUnavailable, s.get(t, "/runs?user="+leaver, token).Code)
}

func TestWhatOperatorsMayNotSay(t *testing.T) {
	for name, c := range map[string]struct {
		request *http.Request
		change  func(*engine)
		want    int
		says    []string
	}{
		"by":              {request: says("reject", `{"by": "boss@acme.example"}`), want: 400, says: []string{`\"by\" is who holds the token`}},
		"everything":      {request: says("approve", `{"by": 1, "diggest": "0123", "answers": []}`), want: 400, says: []string{`\"by\"`, `did you mean \"digest\"`, `\"digest\" is missing`, `\"answers\" must be`}},
		"no day":          {request: says("reschedule", `{"lastDay": null}`), want: 400, says: []string{`\"lastDay\" must be a time`}},
		"no action":       {request: says("resolve", `{}`), want: 400, says: []string{`\"action\" is missing`}},
		"no object":       {request: says("resolve", `[]`), want: 400, says: []string{"must be a JSON object"}},
		"a long key":      {request: says("reject", `{}`, idempotent(string(make([]byte, 513)))), want: 400, says: []string{"Idempotency-Key"}},
		"nobody's token":  {request: authorized(says("reject", `{}`), "not-a-token-0123456789"), want: 401},
		"an unknown run":  {request: authorized(request("/runs/other/reject", `{}`), token), want: 404, says: []string{"no run is known"}},
		"an unknown verb": {request: says("rename", `{}`), want: 404},
		"another type":    {request: says("reject", `{}`, func(r *http.Request) { r.Header.Set("Content-Type", "text/plain") }), want: 415},
		"too late":        {request: says("reject", `{}`), change: func(e *engine) { e.gone = true }, want: 409, says: []string{"has ended"}},
		"refused":         {request: says("reject", `{}`), change: func(e *engine) { e.refusal = "the plan is approved already" }, want: 409, says: []string{"the plan is approved already"}},
		"away":            {request: says("reject", `{}`), change: func(e *engine) { e.away = &door.Away{Why: "the engine does not answer", After: time.Second} }, want: 503},
	} {
		t.Run(name, func(t *testing.T) {
			e := newEngine()
			s := newServer(t, e, vouching)
			apply(t, s.door, event("1", door.Requested))
			if c.change != nil {
				c.change(e)
			}
			w := s.do(t, c.request)
			assert.Equal(t, c.want, w.Code, w.Body.String())
			for _, want := range c.says {
				assert.Contains(t, w.Body.String(), want)
			}
			assert.Empty(t, e.messages())
		})
	}
}

func TestATokenOfTwoOperatorsProvesNobody(t *testing.T) {
	e := newEngine()
	s := newServer(t, e, vouching, func(c *door.Config) { c.Operators[1].Token = c.Operators[0].Token })
	apply(t, s.door, event("1", door.Requested))
	assert.Equal(t, http.StatusServiceUnavailable, s.do(t, says("reject", `{}`)).Code)
	assert.Empty(t, e.messages())
}

func TestAnOperatorsAnswerActsOnce(t *testing.T) {
	e := newEngine()
	s := newServer(t, e, vouching)
	apply(t, s.door, event("1", door.Requested))
	first := s.do(t, says("resolve", `{"action": "retry"}`, idempotent("k")))
	second := s.do(t, says("resolve", `{"action": "retry"}`, idempotent("k")))
	assert.JSONEq(t, first.Body.String(), second.Body.String())
	assert.Len(t, e.messages(), 1)
	s.do(t, says("resolve", `{"action": "retry"}`))
	s.do(t, says("resolve", `{"action": "retry"}`))
	assert.Len(t, e.messages(), 3, "without a key each request is one of its own")
}

// What an operator says of a person is newer than what happened before and comes in late.
func TestAnOperatorsWordIsKept(t *testing.T) {
	e := newEngine()
	s := newServer(t, e, vouching)
	apply(t, s.door, event("1", door.Requested, ago(time.Hour)))
	late := event("2", door.Requested, ago(time.Minute))
	require.Equal(t, http.StatusOK, s.do(t, says("reinstate", `{}`)).Code)
	e.end(leaver)
	assert.Equal(t, door.Ignored, apply(t, s.door, late).Result)

	apply(t, s.door, event("3", door.Requested, from("scim"), soft, lastDay(future)))
	require.Equal(t, http.StatusOK, s.do(t, says("reschedule", `{"lastDay": "2027-01-31T17:00:00+01:00"}`)).Code)
	assert.Equal(t, door.NothingToDo, apply(t, s.door, event("4", door.Cancelled, from("scim"), soft)).Result, "an operator asked for it too")
}
