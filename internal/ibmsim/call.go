package ibmsim

import (
	"encoding/json"
	"math"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// api is one of IBM's services: its place in the URL space and how it refuses a caller without a valid token.
type api struct {
	name         string
	prefixes     []string
	unauthorized func(*call) reply
}

// route is one operation of an API. The handler runs with the world's mutex held.
type route struct {
	api    *api
	method string
	path   string
	handle func(*call) reply
	open   bool // needs no bearer token
}

// call is one request as a handler sees it.
type call struct {
	w         *world
	r         *http.Request
	route     route
	now       time.Time
	body      []byte
	caller    identity
	requestID string
	fault     *Fault
	after     []func() // run without the mutex, before the reply goes out
	values    url.Values
}

// reply is what a handler answers. A nil body sends none.
type reply struct {
	status int
	body   any
	header map[string]string
	raw    []byte // sent as it is, with header Content-Type
}

func ok(body any) reply                 { return reply{status: http.StatusOK, body: body} }
func noContent() reply                  { return reply{status: http.StatusNoContent} }
func created(body any) reply            { return reply{status: http.StatusCreated, body: body} }
func accepted(body any) reply           { return reply{status: http.StatusAccepted, body: body} }
func multi(body any) reply              { return reply{status: http.StatusMultiStatus, body: body} }
func (k *call) q(name string) string    { return k.query().Get(name) }
func (k *call) path(name string) string { return k.r.PathValue(name) }
func (k *call) yes(name string) bool    { return k.q(name) == "true" }

// query is the parsed query, which lists ask for once per item. Copy it before you change it.
func (k *call) query() url.Values {
	if k.values == nil {
		k.values = k.r.URL.Query()
	}
	return k.values
}

// position reads a place in a list from a page's mark; nonsense is the beginning.
func position(text string) int {
	n, err := strconv.Atoi(text)
	if err != nil {
		return 0
	}
	return min(max(n, 0), math.MaxInt32)
}

// decode reads the JSON body; an empty body is an empty object.
func (k *call) decode(into any) bool {
	if len(k.body) == 0 {
		return true
	}
	return json.Unmarshal(k.body, into) == nil
}

// base is the address under which the caller reached the cloud.
func (k *call) base() string { return baseOf(k.r) }

func baseOf(r *http.Request) string {
	if tlsState(r) != nil || r.Header.Get("X-Forwarded-Proto") == "https" {
		return "https://" + r.Host
	}
	return "http://" + r.Host
}

// account checks an account_id: IBM falls back on the token's account when it is missing (trap 24).
func (k *call) account(id string) bool { return id == "" || id == k.w.accountID }

func (k *call) may(service string, anyOf ...string) bool {
	return k.w.may(k.caller.iam, target{service: service}, k.now, anyOf...)
}

func (k *call) bearer() string {
	scheme, token, _ := strings.Cut(k.r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "bearer") {
		return ""
	}
	return strings.TrimSpace(token)
}
