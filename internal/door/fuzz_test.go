package door_test

import (
	"crypto/hmac"
	"crypto/sha512"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"offboard/internal/door"
)

// unsound fails where an answer is none that a sender was promised.
func unsound(t *testing.T, w *httptest.ResponseRecorder) {
	t.Helper()
	switch w.Code {
	case 200, 202, 400, 401, 404, 409, 413, 415, 429, 503:
	default:
		t.Fatalf("answered %d: %s", w.Code, w.Body)
	}
}

func FuzzWebhook(f *testing.F) {
	for _, seed := range []string{requested(now()), `{"type":"offboarding.cancelled","timestamp":"2026-11-23T09:00:00Z","data":{"user":{"iam_id":"IBMid-1"}}}`,
		`{"type":"offboarding.rescheduled","timestamp":"0001-01-01T00:00:00Z","data":{"user":{"email":"a@acme.example"},"effective_at":"9999-12-31T23:59:59Z"}}`, `[]`, `null`, `{"data":{"user":null}}`} {
		f.Add("msg_1", seed)
	}
	s := newServer(f, newEngine(), withWebhook, func(c *door.Config) { c.Rate = door.Rate{PerSecond: 1 << 30, Burst: 1 << 30} })
	f.Fuzz(func(t *testing.T, id, body string) {
		if strings.ContainsAny(id, "\r\n\x00") || id == "" {
			return // no header can hold it
		}
		w := httptest.NewRecorder()
		s.handler.ServeHTTP(w, signed(t, oldSecret, id, time.Now(), body))
		unsound(t, w)
	})
}

func FuzzWebhookHeaders(f *testing.F) {
	f.Add("1", "1", "v1,AAAA", "application/json")
	f.Add("", "-1", "v1, v1a,x ,", "application/json; charset=\"")
	s := newServer(f, newEngine(), withWebhook)
	f.Fuzz(func(t *testing.T, id, stamp, signature, kind string) {
		r := request("/webhooks/hr", requested(now()))
		r.Header["Webhook-Id"], r.Header["Webhook-Timestamp"], r.Header["Webhook-Signature"] = []string{id}, []string{stamp}, []string{signature}
		r.Header["Content-Type"] = []string{kind}
		w := httptest.NewRecorder()
		s.handler.ServeHTTP(w, r)
		if w.Code != http.StatusUnauthorized && w.Code != http.StatusUnsupportedMediaType {
			t.Fatalf("answered %d: %s", w.Code, w.Body)
		}
	})
}

func FuzzOkta(f *testing.F) {
	sample, err := os.ReadFile(filepath.Join("testdata", "okta-deactivate.json"))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(strings.ReplaceAll(string(sample), "PUBLISHED", "2026-11-23T09:00:00.000Z"))
	f.Add(`{"data":{"events":[{"uuid":"1","published":"1500-01-01T00:00:00Z","eventType":"user.lifecycle.suspend","outcome":{"result":"SUCCESS"},"target":[{"type":"User","alternateId":"a@acme.example"}]}]}}`)
	s := newServer(f, newEngine(), withOkta, func(c *door.Config) { c.Rate = door.Rate{PerSecond: 1 << 30, Burst: 1 << 30} })
	work(f, s.door)
	f.Fuzz(func(t *testing.T, body string) {
		r := request("/okta/events", body)
		r.Header.Set("Authorization", oktaSecret)
		w := httptest.NewRecorder()
		s.handler.ServeHTTP(w, r)
		unsound(t, w)
	})
}

func FuzzHiBob(f *testing.F) {
	f.Add(hibobLeft, byPath(`{"employees":[{"root.email":{"value":"leaver@acme.example"}}]}`))
	f.Add(`"Ping test"`, ``)
	f.Add(`{"type":"employee.left","triggeredAt":"2026-11-23T00:00:00.000000","data":{"employeeId":{}}}`, `{"employees":[null]}`)
	answer := ""
	api := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, answer) }))
	defer api.Close()
	s := newServer(f, newEngine(), withHiBob(api.URL), func(c *door.Config) { c.Rate = door.Rate{PerSecond: 1 << 30, Burst: 1 << 30} })
	f.Fuzz(func(t *testing.T, body, reply string) {
		answer = reply
		r := request("/hibob", body)
		mac := hmac.New(sha512.New, []byte(hibobSecret))
		mac.Write([]byte(body))
		r.Header.Set("Bob-Signature", base64.StdEncoding.EncodeToString(mac.Sum(nil)))
		w := httptest.NewRecorder()
		s.handler.ServeHTTP(w, r)
		unsound(t, w)
	})
}

func FuzzBambooHR(f *testing.F) {
	f.Add(bambooUpdated, `{"status":"Inactive","workEmail":"leaver@acme.example"}`)
	f.Add(`{"type":"employee.updated","timestamp":"2026-01-31T18:42:00+0000","data":{"employeeId":"../..","changedFields":["status"]}}`, `null`)
	answer := ""
	api := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, answer) }))
	defer api.Close()
	s := newServer(f, newEngine(), withBamboo(api.URL), func(c *door.Config) { c.Rate = door.Rate{PerSecond: 1 << 30, Burst: 1 << 30} })
	f.Fuzz(func(t *testing.T, body, reply string) {
		answer = reply
		w := httptest.NewRecorder()
		s.handler.ServeHTTP(w, bambooDelivery(body, time.Now()))
		unsound(t, w)
	})
}

// Whatever is asked for where, nobody gets in without a secret.
func FuzzRequests(f *testing.F) {
	f.Add("GET", "/brake", "Bearer x", "", "")
	f.Add("POST", "/brake/release", "bearer", "application/json", "{}")
	f.Add("POST", "/webhooks/../brake", "", "application/json", "{}")
	f.Add("GET", "/scim/v2/Users", "Bearer x", "", "")
	f.Add("PATCH", "/scim/v2/Users/1", "", "application/scim+json", "{}")
	f.Add("POST", "/hibob", "", "text/plain", "Ping test")
	e := newEngine()
	s := newServer(f, e, withWebhook, withOkta, withHiBob("http://127.0.0.1:1"), withBamboo("http://127.0.0.1:1"), braked(1),
		func(c *door.Config) { c.SCIM = &door.SCIM{Tokens: secret("scims-token-0123456789")} })
	f.Fuzz(func(t *testing.T, method, path, authorization, kind, body string) {
		r, err := http.NewRequest(method, "http://door.acme.example"+path, strings.NewReader(body))
		if err != nil || r.URL.Host != "door.acme.example" {
			return // it is no request
		}
		r.Header["Authorization"], r.Header["Content-Type"] = []string{authorization}, []string{kind}
		w := httptest.NewRecorder()
		s.handler.ServeHTTP(w, r)
		public := w.Code < 300 && (r.URL.Path == "/livez" || r.URL.Path == "/readyz" || r.URL.Path == "/openapi.yaml")
		if w.Code < 300 && !public || w.Code == 500 {
			t.Fatalf("%s %s answered %d: %s", method, path, w.Code, w.Body)
		}
		if len(e.started()) > 0 {
			t.Fatal("a run was started")
		}
	})
}
