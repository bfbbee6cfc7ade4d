package door_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"offboard/internal/door"
)

const bambooSecret = "bamboos-private-key-0123"

const bambooUpdated = `{"type":"employee.updated","timestamp":"TIME","data":{"companyId":"12345","employeeId":"67890","changedFields":["status","terminationDate"]}}`

func bambooDelivery(body string, sent time.Time) *http.Request {
	body = strings.ReplaceAll(body, "TIME", now().UTC().Format("2006-01-02T15:04:05-0700"))
	r := request("/bamboohr", body)
	stamp := fmt.Sprint(sent.Unix())
	mac := hmac.New(sha256.New, []byte(bambooSecret))
	mac.Write([]byte(body + stamp))
	r.Header.Set("X-BambooHR-Timestamp", stamp)
	r.Header.Set("X-BambooHR-Signature", hex.EncodeToString(mac.Sum(nil)))
	return r
}

func withBamboo(api string) func(*door.Config) {
	return func(c *door.Config) {
		c.BambooHR = &door.BambooHR{Secrets: secret(bambooSecret), API: api, Key: secret("bamboos-api-key")[0]}
	}
}

func TestBambooHR(t *testing.T) {
	for name, c := range map[string]struct {
		body, answer string
		api          int
		want         int
		outcome      string
	}{
		"left":              {bambooUpdated, `{"id":"67890","status":"Inactive","workEmail":"leaver@acme.example"}`, 200, http.StatusAccepted, "started"},
		"came back":         {bambooUpdated, `{"id":"67890","status":"Active","workEmail":"leaver@acme.example"}`, 200, http.StatusOK, "nothingToDo"},
		"no e-mail":         {bambooUpdated, `{"id":"67890","status":"Inactive","workEmail":null}`, 200, http.StatusOK, "ignored"},
		"may not see":       {bambooUpdated, `{"id":"67890"}`, 200, http.StatusOK, "ignored"},
		"nobody":            {bambooUpdated, ``, 404, http.StatusOK, "ignored"},
		"down":              {bambooUpdated, ``, 502, http.StatusServiceUnavailable, ""},
		"another field":     {strings.Replace(bambooUpdated, `"status","terminationDate"`, `"firstName"`, 1), "", 0, http.StatusOK, "ignored"},
		"record deleted":    {strings.Replace(bambooUpdated, "employee.updated", "employee.deleted", 1), "", 0, http.StatusOK, "ignored"},
		"no employee":       {strings.Replace(bambooUpdated, `"67890"`, `null`, 1), "", 0, http.StatusBadRequest, ""},
		"no time":           {strings.Replace(bambooUpdated, "TIME", "yesterday", 1), "", 0, http.StatusBadRequest, ""},
		"not JSON":          {"{", "", 0, http.StatusBadRequest, ""},
		"no address at all": {bambooUpdated, `{"id":"67890","status":"Inactive","workEmail":"leaver"}`, 200, http.StatusBadRequest, ""},
	} {
		t.Run(name, func(t *testing.T) {
			e := newEngine()
			called := false
			api := hrSystem(t, func(w http.ResponseWriter, r *http.Request) {
				called = true
				assert.Equal(t, "/api/v1/employees/67890?fields=status,workEmail", r.URL.String())
				key, _, _ := r.BasicAuth()
				assert.Equal(t, "bamboos-api-key", key)
				w.WriteHeader(c.api)
				fmt.Fprint(w, c.answer)
			})
			w := newServer(t, e, withBamboo(api)).do(t, bambooDelivery(c.body, now()))
			assert.Equal(t, c.want, w.Code, w.Body.String())
			assert.Equal(t, c.api != 0, called)
			var got struct{ Outcome string }
			decode(t, w, &got)
			assert.Equal(t, c.outcome, got.Outcome)
		})
	}
}

func TestBambooHRSignature(t *testing.T) {
	s := newServer(t, newEngine(), withBamboo("http://127.0.0.1:1"))
	body := bambooDelivery(bambooUpdated, now())
	body.Header.Set("X-BambooHR-Timestamp", fmt.Sprint(now().Unix()-1))
	assert.Equal(t, http.StatusUnauthorized, s.do(t, body).Code, "the time is signed too")
	for _, sent := range []time.Time{now().Add(-25 * time.Hour), now().Add(25 * time.Hour)} {
		assert.Equal(t, http.StatusUnauthorized, s.do(t, bambooDelivery(bambooUpdated, sent)).Code)
	}
	r := bambooDelivery(bambooUpdated, now())
	r.Header.Set("X-BambooHR-Signature", strings.ToUpper(r.Header.Get("X-BambooHR-Signature")))
	assert.Equal(t, http.StatusUnauthorized, s.do(t, r).Code)
	assert.Equal(t, http.StatusServiceUnavailable, s.do(t, bambooDelivery(bambooUpdated, now().Add(-3*time.Hour))).Code, "a late retry is taken, and nobody answers the call back")
}
