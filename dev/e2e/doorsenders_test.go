package e2e_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// webhook is a delivery signed by the Standard Webhooks specification.
func webhook(id, body string) delivery {
	key, _ := base64.StdEncoding.DecodeString(strings.TrimPrefix(doorSecrets["HR_SECRET"], "whsec_")) // ours
	stamp := fmt.Sprint(time.Now().Unix())
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(id + "." + stamp + "." + body))
	return delivery{http.MethodPost, "/webhooks/hr", body, map[string]string{
		"webhook-id": id, "webhook-timestamp": stamp, "webhook-signature": "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil)),
	}}
}

// said is the body of a generic webhook of now. No day is at once.
func said(kind, user string, day time.Time) string {
	effective := ""
	if !day.IsZero() {
		effective = fmt.Sprintf(`,"effective_at":%q`, day.Format(time.RFC3339))
	}
	return fmt.Sprintf(`{"type":"offboarding.%s","timestamp":%q,"data":{"user":{"email":%q}%s,"reason":"end of contract","requested_by":"hr@acme.example","ticket":"HR-1234"}}`,
		kind, time.Now().UTC().Format(time.RFC3339Nano), user, effective)
}

func scim(method, path, body string) delivery {
	return delivery{method, "/scim/v2" + path, body, map[string]string{"Authorization": "Bearer " + doorSecrets["SCIM_TOKEN"], "Content-Type": "application/scim+json"}}
}

func operator(method, path, body string) delivery {
	return delivery{method, path, body, map[string]string{"Authorization": "Bearer " + doorSecrets["OPERATOR_TOKEN"]}}
}

// escaped is a workflow ID as it stands in a path.
func escaped(run string) string { return url.PathEscape(run) }

// vendor is a body byte for byte as a vendor sends it.
func vendor(t *testing.T, path ...string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(append([]string{"..", "..", "internal", "door"}, path...)...))
	require.NoError(t, err)
	return string(data)
}

func scimVendor(t *testing.T, name string) string {
	return vendor(t, "scim", "testdata", "vendors", name+".json")
}

// okta is a delivery of an event hook of now, with other words in some places.
func okta(t *testing.T, replace ...string) delivery {
	t.Helper()
	replace = append(replace, "PUBLISHED", time.Now().UTC().Format("2006-01-02T15:04:05.000Z"))
	return delivery{http.MethodPost, "/okta/events", strings.NewReplacer(replace...).Replace(vendor(t, "testdata", "okta-deactivate.json")),
		map[string]string{"Authorization": doorSecrets["OKTA_SECRET"]}}
}

// hibob is a webhook of HiBob, version 2, of now.
func hibob(kind string) delivery {
	body := fmt.Sprintf(`{"companyId":636192,"type":%q,"triggeredBy":"system","triggeredAt":%q,"version":"v2","data":{"employeeId":"3332883854254932743"}}`,
		kind, time.Now().UTC().Format("2006-01-02T15:04:05.000000"))
	mac := hmac.New(sha512.New, []byte(doorSecrets["HIBOB_SECRET"]))
	mac.Write([]byte(body))
	return delivery{http.MethodPost, "/hibob", body, map[string]string{"Bob-Signature": base64.StdEncoding.EncodeToString(mac.Sum(nil))}}
}

// bamboo is an event-based webhook of BambooHR, of a time; its times are in whole seconds.
func bamboo(at time.Time) delivery {
	body := fmt.Sprintf(`{"type":"employee.updated","timestamp":%q,"data":{"companyId":"12345","employeeId":"67890","changedFields":["status","terminationDate"]}}`,
		at.UTC().Format("2006-01-02T15:04:05-0700"))
	stamp := fmt.Sprint(time.Now().Unix())
	mac := hmac.New(sha256.New, []byte(doorSecrets["BAMBOO_SECRET"]))
	mac.Write([]byte(body + stamp))
	return delivery{http.MethodPost, "/bamboohr", body, map[string]string{"X-BambooHR-Timestamp": stamp, "X-BambooHR-Signature": hex.EncodeToString(mac.Sum(nil))}}
}

// hrSystem is the API of HiBob and of BambooHR that the door calls back. It is down for the first call.
type hrSystem struct {
	*httptest.Server
	calls  atomic.Int64
	status atomic.Value // of the one employee of BambooHR
}

func newHRSystem(t *testing.T) *hrSystem {
	t.Helper()
	h := &hrSystem{}
	h.status.Store("Inactive")
	mux := http.NewServeMux()
	mux.HandleFunc("POST /v1/people/search", func(w http.ResponseWriter, r *http.Request) {
		user, token, _ := r.BasicAuth()
		assert.Equal(t, doorSecrets["HIBOB_USER"]+" "+doorSecrets["HIBOB_TOKEN"], user+" "+token)
		fmt.Fprintf(w, `{"employees":[{"id":"3332883854254932743","email":%q}]}`, leaver)
	})
	mux.HandleFunc("GET /api/v1/employees/67890", func(w http.ResponseWriter, r *http.Request) {
		key, _, _ := r.BasicAuth()
		assert.Equal(t, doorSecrets["BAMBOO_KEY"], key)
		fmt.Fprintf(w, `{"id":"67890","status":%q,"workEmail":%q}`, h.status.Load(), leaver)
	})
	h.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if h.calls.Add(1) == 1 {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		mux.ServeHTTP(w, r)
	}))
	t.Cleanup(h.Close)
	return h
}
