package door_test

import (
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"offboard/internal/door"
)

// whsec makes a secret as the specification writes it.
func whsec(text string) string {
	return "whsec_" + base64.StdEncoding.EncodeToString([]byte(text))
}

var (
	oldSecret = whsec("the old secret of 24 bytes and more")
	newSecret = whsec("the new secret of 24 bytes and more")
)

// signed makes a delivery as the library's senders do.
func signed(t testing.TB, secret, id string, when time.Time, body string) *http.Request {
	t.Helper()
	signer, err := standardwebhooks.NewWebhook(secret)
	require.NoError(t, err)
	signature, err := signer.Sign(id, when, []byte(body))
	require.NoError(t, err)
	r := request("/webhooks/hr", body)
	r.Header.Set("webhook-id", id)
	r.Header.Set("webhook-timestamp", fmt.Sprint(when.Unix()))
	r.Header.Set("webhook-signature", signature)
	return r
}

func withWebhook(c *door.Config) {
	c.Webhooks = []door.Webhook{{Name: "hr", Secrets: secret(oldSecret, newSecret)}}
}

func requested(when time.Time) string {
	return `{"type":"offboarding.requested","timestamp":"` + when.UTC().Format(time.RFC3339Nano) + `","data":{"user":{"email":"leaver@acme.example"},"effective_at":"` +
		future.Format(time.RFC3339) + `","reason":"end of contract","requested_by":"manager@acme.example","ticket":"HR-1234"}}`
}

func TestWebhook(t *testing.T) {
	e := newEngine()
	s := newServer(t, e, withWebhook)
	body := requested(now())
	w := s.do(t, signed(t, oldSecret, "msg_2Kfc", now(), body))
	assert.Equal(t, http.StatusAccepted, w.Code)
	assert.JSONEq(t, `{"outcome":"started","message":"The offboarding of leaver@acme.example has started and waits for `+future.Format(time.RFC3339)+
		`.","run":"offboard/acc/leaver@acme.example","link":"http://ui.acme.example/leaver@acme.example"}`, w.Body.String())
	r := e.requests[0]
	assert.Equal(t, []string{"leaver@acme.example", "end of contract", "HR-1234", "manager@acme.example"}, []string{r.User, r.Reason, r.Ticket, r.RequestedBy})
	assert.True(t, future.Equal(r.LastDay))

	again := s.do(t, signed(t, newSecret, "msg_2Kfc", now().Add(time.Minute), body))
	assert.Equal(t, w.Code, again.Code)
	assert.Equal(t, w.Body.String(), again.Body.String(), "a duplicate is answered alike, by whichever secret it is signed")
	assert.Len(t, e.requests, 1)

	line := s.lastLine(t)
	assert.Equal(t, "webhooks/hr", line["source"])
	assert.Equal(t, []any{"msg_2Kfc"}, line["events"])
	assert.Equal(t, "started", line["outcome"])
	assert.Equal(t, "offboard/acc/leaver@acme.example", line["run"])
	assert.Equal(t, true, line["duplicate"])
	assert.Contains(t, line, "took")
	for _, l := range s.logs.All() {
		text := fmt.Sprint(l.Message, l.ContextMap())
		assert.NotContains(t, text, "end of contract", "no body is logged")
		assert.NotContains(t, text, strings.TrimPrefix(oldSecret, "whsec_"))
	}
}

func TestWebhookMovesAndCancels(t *testing.T) {
	e := newEngine()
	s := newServer(t, e, withWebhook)
	s.do(t, signed(t, oldSecret, "1", now(), requested(now())))
	day := future.Add(24 * time.Hour)
	w := s.do(t, signed(t, oldSecret, "2", now(), `{"type":"offboarding.rescheduled","timestamp":"`+now().Format(time.RFC3339Nano)+`","data":{"user":{"email":"leaver@acme.example"},"effective_at":"`+day.Format(time.RFC3339)+`"}}`))
	assert.Equal(t, http.StatusOK, w.Code)
	assert.Contains(t, w.Body.String(), `"outcome":"rescheduled"`)
	assert.True(t, day.Equal(e.lastDay(leaver)))
	w = s.do(t, signed(t, oldSecret, "3", now(), `{"type":"offboarding.cancelled","timestamp":"`+now().Format(time.RFC3339Nano)+`","data":{"user":{"email":"leaver@acme.example"},"reason":null}}`))
	assert.Equal(t, http.StatusOK, w.Code)
	assert.Contains(t, w.Body.String(), `"outcome":"reinstated"`)
	w = s.do(t, signed(t, oldSecret, "4", now(), `{"type":"offboarding.requested","timestamp":"`+now().Format(time.RFC3339Nano)+`","data":{"user":{"iam_id":"IBMid-0600000001"}}}`))
	assert.Equal(t, http.StatusAccepted, w.Code)
	assert.Equal(t, 1, e.started()["ibmid-0600000001"])
}

func TestWebhookRefusals(t *testing.T) {
	body := requested(now())
	header := func(name, value string) func(*http.Request) {
		return func(r *http.Request) { r.Header.Set(name, value) }
	}
	for name, c := range map[string]struct {
		request *http.Request
		change  func(*http.Request)
		want    int
	}{
		"another secret":      {signed(t, whsec("somebody else's secret, 24 bytes"), "1", now(), body), nil, http.StatusUnauthorized},
		"no signature":        {signed(t, oldSecret, "1", now(), body), func(r *http.Request) { r.Header.Del("webhook-signature") }, http.StatusUnauthorized},
		"no ID":               {signed(t, oldSecret, "1", now(), body), func(r *http.Request) { r.Header.Del("webhook-id") }, http.StatusUnauthorized},
		"another ID":          {signed(t, oldSecret, "1", now(), body), header("webhook-id", "2"), http.StatusUnauthorized},
		"a replay":            {signed(t, oldSecret, "1", now().Add(-6*time.Minute), body), nil, http.StatusUnauthorized},
		"from the future":     {signed(t, oldSecret, "1", now().Add(6*time.Minute), body), nil, http.StatusUnauthorized},
		"another time":        {signed(t, oldSecret, "1", now(), body), header("webhook-timestamp", fmt.Sprint(now().Unix()-60)), http.StatusUnauthorized},
		"a time that is none": {signed(t, oldSecret, "1", now(), body), header("webhook-timestamp", "now"), http.StatusUnauthorized},
		"another version":     {signed(t, oldSecret, "1", now(), body), func(r *http.Request) { r.Header.Set("webhook-signature", "v2"+r.Header.Get("webhook-signature")[2:]) }, http.StatusUnauthorized},
		"one byte more":       {signed(t, oldSecret, "1", now(), body), func(r *http.Request) { *r = *sameHeaders(r, body+" ") }, http.StatusUnauthorized},
		"another type":        {signed(t, oldSecret, "1", now(), body), header("Content-Type", "text/plain"), http.StatusUnsupportedMediaType},
		"no type":             {signed(t, oldSecret, "1", now(), body), func(r *http.Request) { r.Header.Del("Content-Type") }, http.StatusUnsupportedMediaType},
		"too large":           {signed(t, oldSecret, "1", now(), body+strings.Repeat(" ", 64<<10)), nil, http.StatusRequestEntityTooLarge},
		"not JSON":            {signed(t, oldSecret, "1", now(), "offboard leaver"), nil, http.StatusBadRequest},
		"empty":               {signed(t, oldSecret, "1", now(), ""), nil, http.StatusBadRequest},
		"null":                {signed(t, oldSecret, "1", now(), "null"), nil, http.StatusBadRequest},
		"an ID beyond reason": {signed(t, oldSecret, strings.Repeat("1", 600), now(), body), nil, http.StatusBadRequest},
		"another method":      {signed(t, oldSecret, "1", now(), body), func(r *http.Request) { r.Method = http.MethodPut }, http.StatusMethodNotAllowed},
		"another webhook":     {signed(t, oldSecret, "1", now(), body), func(r *http.Request) { r.URL.Path = "/webhooks/absent" }, http.StatusNotFound},
	} {
		t.Run(name, func(t *testing.T) {
			e := newEngine()
			s := newServer(t, e, withWebhook)
			if c.change != nil {
				c.change(c.request)
			}
			w := s.do(t, c.request)
			assert.Equal(t, c.want, w.Code, w.Body.String())
			assert.Empty(t, e.started())
			assert.NotEmpty(t, s.logged("answered a request"), "refusals are in the audit log too")
		})
	}
}

// sameHeaders is a request with another body.
func sameHeaders(r *http.Request, body string) *http.Request {
	other := request(r.URL.Path, body)
	other.Header = r.Header
	return other
}

func TestAnUrgentRequest(t *testing.T) {
	e := newEngine()
	s := newServer(t, e, withWebhook)
	body := strings.Replace(requested(now()), `"data":{`, `"data":{"urgent":true,`, 1)
	require.Equal(t, http.StatusAccepted, s.do(t, signed(t, oldSecret, "1", now(), body)).Code)
	require.Len(t, e.requests, 1)
	assert.True(t, e.requests[0].Urgent)

	w := s.do(t, signed(t, oldSecret, "2", now(), strings.Replace(body, `"urgent":true`, `"urgent":"very"`, 1)))
	assert.Equal(t, http.StatusBadRequest, w.Code)
	assert.Contains(t, w.Body.String(), `\"data.urgent\" must be true or false`)
}

func TestSeveralSignaturesInOneHeader(t *testing.T) {
	s := newServer(t, newEngine(), func(c *door.Config) { c.Webhooks = []door.Webhook{{Name: "hr", Secrets: secret(newSecret)}} })
	body, when := requested(now()), now()
	r := signed(t, newSecret, "1", when, body)
	r.Header.Set("webhook-signature", signed(t, oldSecret, "1", when, body).Header.Get("webhook-signature")+" v1a,AAAA "+r.Header.Get("webhook-signature"))
	assert.Equal(t, http.StatusAccepted, s.do(t, r).Code)
}

func TestASecretIsReadAtEachRequest(t *testing.T) {
	value := oldSecret
	s := newServer(t, newEngine(), func(c *door.Config) {
		c.Webhooks = []door.Webhook{{Name: "hr", Secrets: []door.Secret{func(ctx ctx) (string, error) { return value, nil }}}}
	})
	assert.Equal(t, http.StatusAccepted, s.do(t, signed(t, oldSecret, "1", now(), requested(now()))).Code)
	value = newSecret
	assert.Equal(t, http.StatusUnauthorized, s.do(t, signed(t, oldSecret, "2", now(), requested(now()))).Code)
	assert.Equal(t, http.StatusOK, s.do(t, signed(t, newSecret, "2", now(), requested(now()))).Code)
}

// HR systems give up on 401: a vault that is down must not look like one.
func TestASecretThatCannotBeRead(t *testing.T) {
	broken := func(ctx) (string, error) { return "", errors.New("the vault is sealed") }
	s := newServer(t, newEngine(), func(c *door.Config) {
		c.Webhooks = []door.Webhook{{Name: "hr", Secrets: []door.Secret{broken, secret(newSecret)[0]}}}
	})
	w := s.do(t, signed(t, oldSecret, "1", now(), requested(now())))
	assert.Equal(t, http.StatusServiceUnavailable, w.Code)
	assert.NotContains(t, w.Body.String(), "vault", "senders need not know")
	assert.Equal(t, http.StatusAccepted, s.do(t, signed(t, newSecret, "1", now(), requested(now()))).Code)
}

func TestEveryProblemOfABodyIsNamed(t *testing.T) {
	for name, c := range map[string]struct {
		body string
		want []string
	}{
		"nothing":     {`{}`, []string{`"type" is missing`, `"timestamp" is missing`, `"data" is missing`}},
		"wrong types": {`{"type":1,"timestamp":"yesterday","data":[]}`, []string{`"type" must be text`, `"timestamp" must be a time with zone`, `"data" must be a JSON object`}},
		"unknown type, no user": {`{"type":"offboarding.done","timestamp":"2026-11-23T09:00:00Z","data":{}}`,
			[]string{`"type" is "offboarding.done"`, `"data.user" is missing`}},
		"mistyped fields": {`{"type":"offboarding.requested","timestamp":"2026-11-23T09:00:00Z","data":{"user":{"mail":"leaver@acme.example"},"effectiv_at":"2026-12-31","colour":1}}`,
			[]string{`unknown field "data.colour": known are`, `unknown field "data.effectiv_at": did you mean "data.effective_at"?`, `unknown field "data.user.mail"`, `"data.user" must have "email" or "iam_id"`}},
		"both names":  {`{"type":"offboarding.requested","timestamp":"2026-11-23T09:00:00Z","data":{"user":{"email":"leaver@acme.example","iam_id":"IBMid-1"}}}`, []string{"one of them"}},
		"day alone":   {`{"type":"offboarding.requested","timestamp":"2026-11-23T09:00:00Z","data":{"user":{"email":"leaver@acme.example"},"effective_at":"2026-12-31"}}`, []string{`"data.effective_at" must be a time with zone`}},
		"day is null": {`{"type":"offboarding.requested","timestamp":"2026-11-23T09:00:00Z","data":{"user":{"email":"leaver@acme.example"},"effective_at":null}}`, []string{`"data.effective_at" must be a time with zone`}},
		"moved where": {`{"type":"offboarding.rescheduled","timestamp":"2026-11-23T09:00:00Z","data":{"user":{"email":"leaver@acme.example"}}}`, []string{`"data.effective_at" is missing`}},
		"the run's own rules": {`{"type":"offboarding.requested","timestamp":"2026-11-23T09:00:00Z","data":{"user":{"email":"leaver"},"effective_at":"2999-12-31T00:00:00Z","requested_by":"me"}}`,
			[]string{`"data.user" "leaver" is neither`, `"data.effective_at" 2999-12-31T00:00:00Z is more than five years ahead`, `"data.requested_by" "me" is not an e-mail address`}},
	} {
		t.Run(name, func(t *testing.T) {
			s := newServer(t, newEngine(), withWebhook)
			w := s.do(t, signed(t, oldSecret, "1", now(), c.body))
			assert.Equal(t, http.StatusBadRequest, w.Code)
			var got struct{ Problems []string }
			decode(t, w, &got)
			require.Len(t, got.Problems, len(c.want), "%q", got.Problems)
			for i, want := range c.want {
				assert.Contains(t, got.Problems[i], want)
			}
		})
	}
}

func TestAnswersWhileTheEngineIsAway(t *testing.T) {
	e := newEngine()
	s := newServer(t, e, withWebhook)
	e.setAway(&door.Away{After: 90 * time.Second, Why: "the engine does not answer", Cause: errDown})
	w := s.do(t, signed(t, oldSecret, "1", now(), requested(now())))
	assert.Equal(t, http.StatusServiceUnavailable, w.Code)
	assert.Equal(t, "90", w.Header().Get("Retry-After"))
	assert.NotContains(t, w.Body.String(), "refused", "the cause is for the log")
	assert.Contains(t, fmt.Sprint(s.lastLine(t)["error"]), "connection refused")
	assert.Equal(t, http.StatusServiceUnavailable, s.get(t, "/readyz", "").Code)
	assert.Equal(t, http.StatusOK, s.get(t, "/livez", "").Code)
	e.setAway(nil)
	assert.Equal(t, http.StatusAccepted, s.do(t, signed(t, oldSecret, "1", now(), requested(now()))).Code)
	assert.Equal(t, http.StatusOK, s.get(t, "/readyz", "").Code)
}

func TestARefusalIsASentence(t *testing.T) {
	e := newEngine()
	s := newServer(t, e, withWebhook)
	s.do(t, signed(t, oldSecret, "1", now(), requested(now())))
	e.refusal = "the first key has been deleted, which cannot be undone"
	w := s.do(t, signed(t, oldSecret, "2", now(), `{"type":"offboarding.cancelled","timestamp":"`+now().Format(time.RFC3339Nano)+`","data":{"user":{"email":"leaver@acme.example"}}}`))
	assert.Equal(t, http.StatusConflict, w.Code)
	assert.JSONEq(t, `{"outcome":"refused","message":"the first key has been deleted, which cannot be undone","run":"offboard/acc/leaver@acme.example"}`, w.Body.String())
}

func TestRateLimitOfOneSender(t *testing.T) {
	s := newServer(t, newEngine(), withWebhook, func(c *door.Config) {
		c.Rate = door.Rate{PerSecond: 1, Burst: 2}
		c.Webhooks = append(c.Webhooks, door.Webhook{Name: "other", Secrets: secret(oldSecret)})
	})
	for range 20 { // who cannot prove who they are use up nobody's share
		assert.Equal(t, http.StatusUnauthorized, s.do(t, signed(t, whsec("somebody else's secret, 24 bytes"), "1", now(), "{}")).Code)
	}
	codes := map[int]int{}
	for range 5 {
		w := s.do(t, signed(t, oldSecret, "1", now(), requested(now())))
		codes[w.Code]++
		if w.Code == http.StatusTooManyRequests {
			assert.Equal(t, "1", w.Header().Get("Retry-After"))
		}
	}
	assert.GreaterOrEqual(t, codes[http.StatusTooManyRequests], 1)
	assert.GreaterOrEqual(t, codes[http.StatusAccepted], 2)
	r := signed(t, oldSecret, "1", now(), requested(now()))
	r.URL.Path = "/webhooks/other"
	assert.Less(t, s.do(t, r).Code, 300)
}
