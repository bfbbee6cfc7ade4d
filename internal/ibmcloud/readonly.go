package ibmcloud

import (
	"fmt"
	"net/http"
	"regexp"
)

// asksOnly are the requests that ask although their method is one that changes: a token, a search, a count of keys.
var asksOnly = regexp.MustCompile(`^POST .*(/identity/token|/v3/resources/search|/v1/accounts/[^/]+/limits/identity)$`)

// ReadOnly is a transport that lets requests pass which read, and refuses every other one before it is sent. A nil base
// means the adapter's own.
func ReadOnly(base http.RoundTripper) http.RoundTripper {
	if base == nil {
		base = pooled()
	}
	return readOnly{base}
}

type readOnly struct{ base http.RoundTripper }

// RoundTrip implements http.RoundTripper.
func (r readOnly) RoundTrip(request *http.Request) (*http.Response, error) {
	switch {
	case request.Method == http.MethodGet, request.Method == http.MethodHead,
		asksOnly.MatchString(request.Method + " " + request.URL.Path):
		return r.base.RoundTrip(request)
	}
	if request.Body != nil {
		_ = request.Body.Close() // nobody reads it
	}
	return nil, fmt.Errorf("%s %s would change something, and this client only reads", request.Method, request.URL.Path)
}
