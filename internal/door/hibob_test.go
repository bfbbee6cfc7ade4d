package door_test

import (
	"crypto/hmac"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"offboard/internal/door"
)

const hibobSecret = "hibobs-signing-secret-0123"

// hrSystem is an HR system that is called back.
func hrSystem(t *testing.T, answer func(w http.ResponseWriter, r *http.Request)) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(answer))
	t.Cleanup(server.Close)
	return server.URL
}

const hibobLeft = `{"companyId":636192,"type":"employee.left","triggeredBy":"system","triggeredAt":"TIME","version":"v2","data":{"employeeId":"3332883854254932743"}}`

func hibobDelivery(body string) *http.Request {
	body = strings.ReplaceAll(body, "TIME", now().UTC().Format("2006-01-02T15:04:05.000000"))
	r := request("/hibob", body)
	mac := hmac.New(sha512.New, []byte(hibobSecret))
	mac.Write([]byte(body))
	r.Header.Set("Bob-Signature", base64.StdEncoding.EncodeToString(mac.Sum(nil)))
	return r
}

func withHiBob(api string) func(*door.Config) {
	return func(c *door.Config) {
		c.HiBob = &door.HiBob{Secrets: secret(hibobSecret), API: api, User: secret("SERVICE-5772")[0], Token: secret("service-users-token")[0], Grace: 24 * time.Hour}
	}
}

// byPath spells the names of fields as paths with slashes.
func byPath(body string) string { return strings.ReplaceAll(body, `"root.`, `"/root`+"/") }

func TestHiBob(t *testing.T) {
	for form, answer := range map[string]string{
		"nested":  `{"employees":[{"id":"3332883854254932743","email":"leaver@acme.example"}]}`,
		"by path": byPath(`{"employees":[{"root.id":{"value":"3332883854254932743"},"root.email":{"value":"leaver@acme.example"}}]}`),
	} {
		t.Run(form, func(t *testing.T) {
			e := newEngine()
			api := hrSystem(t, func(w http.ResponseWriter, r *http.Request) {
				assert.Equal(t, "/v1/people/search", r.URL.Path)
				name, password, _ := r.BasicAuth()
				assert.Equal(t, "SERVICE-5772 service-users-token", name+" "+password)
				body, err := io.ReadAll(r.Body)
				assert.NoError(t, err)
				assert.JSONEq(t, `{"fields":["root.id","root.email"],"filters":[{"fieldPath":"root.id","operator":"equals","values":["3332883854254932743"]}],"showInactive":true}`, string(body))
				fmt.Fprint(w, answer)
			})
			s := newServer(t, e, withHiBob(api))
			first := hibobDelivery(hibobLeft)
			body, err := io.ReadAll(first.Body)
			require.NoError(t, err)
			for range 2 {
				r := request("/hibob", string(body))
				r.Header.Set("Bob-Signature", first.Header.Get("Bob-Signature"))
				assert.Equal(t, http.StatusAccepted, s.do(t, r).Code)
			}
			assert.Equal(t, 1, e.started()[leaver])
			assert.Equal(t, "HiBob: employee.left", e.requests[0].Reason)
		})
	}
}

func TestHiBobOtherEvents(t *testing.T) {
	for name, c := range map[string]struct {
		body, answer string
		api          int // status
		want         int
		outcome      string
	}{
		"ping":                {`"Ping test"`, "", 0, http.StatusOK, "ignored"},
		"ping without quotes": {`Ping test`, "", 0, http.StatusOK, "ignored"},
		"deleted has the e-mail address": {`{"companyId":1,"type":"employee.deleted","triggeredBy":"1","triggeredAt":"TIME","version":"v2","data":{"employeeId":"1","email":"leaver@acme.example"}}`,
			"", 0, http.StatusAccepted, "started"},
		"on leave": {`{"companyId":1,"type":"employee.inactivated","triggeredBy":"1","triggeredAt":"TIME","version":"v2","data":{"employeeId":"1"}}`,
			`{"employees":[{"email":"leaver@acme.example"}]}`, 200, http.StatusAccepted, "started"},
		"back": {`{"companyId":1,"type":"employee.activated","triggeredBy":"1","triggeredAt":"TIME","version":"v2","data":{"employeeId":"1"}}`,
			`{"employees":[{"email":"leaver@acme.example"}]}`, 200, http.StatusOK, "nothingToDo"},
		"of no concern":    {`{"companyId":1,"type":"employee.created","triggeredBy":"1","triggeredAt":"TIME","version":"v2","data":{"employeeId":"1"}}`, "", 0, http.StatusOK, "ignored"},
		"nobody there":     {hibobLeft, `{"employees":[]}`, 200, http.StatusOK, "ignored"},
		"not found":        {hibobLeft, `{}`, 404, http.StatusOK, "ignored"},
		"HiBob is down":    {hibobLeft, `secret details`, 500, http.StatusServiceUnavailable, ""},
		"HiBob refuses":    {hibobLeft, `{}`, 403, http.StatusServiceUnavailable, ""},
		"HiBob sends HTML": {hibobLeft, `<html>`, 200, http.StatusServiceUnavailable, ""},
		"no employee":      {`{"companyId":1,"type":"employee.left","triggeredBy":"1","triggeredAt":"TIME","version":"v2","data":{}}`, "", 0, http.StatusBadRequest, ""},
		"no time":          {`{"companyId":1,"type":"employee.left","version":"v2","data":{"employeeId":"1"}}`, "", 0, http.StatusBadRequest, ""},
		"not JSON":         {`{`, "", 0, http.StatusBadRequest, ""},
	} {
		t.Run(name, func(t *testing.T) {
			e := newEngine()
			called := false
			api := hrSystem(t, func(w http.ResponseWriter, _ *http.Request) {
				called = true
				w.WriteHeader(c.api)
				fmt.Fprint(w, c.answer)
			})
			s := newServer(t, e, withHiBob(api))
			r := hibobDelivery(c.body)
			if name == "ping without quotes" {
				r.Header.Set("Content-Type", "text/plain; charset=utf-8")
			}
			w := s.do(t, r)
			assert.Equal(t, c.want, w.Code, w.Body.String())
			assert.Equal(t, c.api != 0, called)
			assert.NotContains(t, w.Body.String(), "secret details")
			var got struct{ Outcome string }
			decode(t, w, &got)
			assert.Equal(t, c.outcome, got.Outcome)
			if name == "on leave" {
				assert.WithinDuration(t, now().Add(24*time.Hour), e.requests[0].LastDay, time.Hour, "a leave may end again")
			}
		})
	}
}

func TestHiBobSignature(t *testing.T) {
	s := newServer(t, newEngine(), withHiBob("http://127.0.0.1:1"))
	for _, signature := range []string{"", "AAAA", hex.EncodeToString([]byte("x"))} {
		r := hibobDelivery(hibobLeft)
		r.Header.Set("Bob-Signature", signature)
		assert.Equal(t, http.StatusUnauthorized, s.do(t, r).Code)
	}
	w := s.do(t, hibobDelivery(hibobLeft))
	assert.Equal(t, http.StatusServiceUnavailable, w.Code, "nobody answers the call back")
}
