package ibmcloud

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"

	"offboard/internal/offboard"
)

// identity holds one API key's access token. IBM's own authenticator is not used: it fetches all identities' tokens
// under one process-wide lock (trap 34), cannot be told that a token was refused (trap 35), and keeps the key it was made
// with.
type identity struct {
	name      string
	key       func(context.Context) (string, error)
	tokenURL  string
	base      http.RoundTripper
	timeout   time.Duration
	userAgent string
	observe   func(context.Context, Call)
	paces     map[string]*pace // by service; of those that count requests

	fetches singleflight.Group
	mu      sync.Mutex
	token   accessToken
	refused time.Time // when IAM first refused the key that it had taken before; zero while it takes it
}

// accessToken is a bearer token and the fingerprint of the key it came from. Times are by this machine's clock, because
// the issuer's may differ.
type accessToken struct {
	value   string
	key     string
	refresh time.Time // from here on a new one is fetched in the background
	expires time.Time // from here on nobody may use it
}

// Token timing.
const (
	// grace is how long a key that worked may be refused before it counts as dead: IAM's replicas are behind for about
	// ten seconds (inferred).
	grace = 30 * time.Second
	// tokenTimeout ends a token request. Callers wait for it no longer than their own context.
	tokenTimeout = 30 * time.Second
	// lastMoments of a token's life are not used, so that it does not end on the way; a tenth of very short lives.
	lastMoments = 10 * time.Second
)

func newIdentity(c Config, paces map[string]*pace, name string, key func(context.Context) (string, error)) *identity {
	id := &identity{
		name: name, key: key, observe: c.Observe, paces: paces, userAgent: c.UserAgent, timeout: requestTimeout,
		tokenURL: strings.TrimSuffix(c.Endpoints.IAM, "/") + "/identity/token",
	}
	if c.Endpoints.IAM == "" {
		id.tokenURL = "https://iam.cloud.ibm.com/identity/token"
	}
	id.base = c.HTTPClient.Transport
	if c.HTTPClient.Timeout > 0 {
		id.timeout = c.HTTPClient.Timeout
	}
	if id.base == nil {
		id.base = http.DefaultTransport
	}
	if id.observe == nil {
		id.observe = func(context.Context, Call) {}
	}
	return id
}

// client sends one service's requests as this identity. It follows no redirect: a bearer token belongs to one host.
func (i *identity) client(service string) *http.Client {
	return &http.Client{
		Transport:     &transport{identity: i, service: service},
		Timeout:       i.timeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// bearer gives an access token of the identity's present key.
func (i *identity) bearer(ctx context.Context) (string, error) {
	key, err := i.secret(ctx)
	if err != nil {
		return "", err
	}
	mark := fingerprint(key)
	i.mu.Lock()
	token := i.token
	i.mu.Unlock()
	now := time.Now()
	if token.key == mark && now.Before(token.refresh) {
		return token.value, nil
	}
	fetched := i.fetches.DoChan(mark, func() (any, error) {
		// The fetch serves everybody who waits, so it must not end with one caller's context.
		own, cancel := context.WithTimeout(context.WithoutCancel(ctx), tokenTimeout)
		defer cancel()
		return i.fetch(own, key, mark)
	})
	if token.key == mark && now.Before(token.expires) {
		return token.value, nil
	}
	select {
	case <-ctx.Done():
		return "", ctx.Err()
	case r := <-fetched:
		if r.Err != nil {
			return "", r.Err
		}
		return r.Val.(string), nil
	}
}

// forget drops a token that a service refused, unless it has been replaced already (trap 35).
func (i *identity) forget(value string) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.token.value == value {
		i.token = accessToken{key: i.token.key}
	}
}

// secret reads the key from its source.
func (i *identity) secret(ctx context.Context) (string, error) {
	key, err := i.key(ctx)
	if err != nil {
		if ctx.Err() != nil {
			return "", ctx.Err()
		}
		return "", offboard.Errorf(offboard.Unavailable, "", "the API key of %s cannot be read: %v", i.name, err)
	}
	if key == "" {
		return "", offboard.Errorf(offboard.Denied, "", "the API key of %s is empty", i.name)
	}
	return key, nil
}

// fetch exchanges the key for an access token.
func (i *identity) fetch(ctx context.Context, key, mark string) (string, error) {
	form := url.Values{
		"grant_type":    {"urn:ibm:params:oauth:grant-type:apikey"},
		"response_type": {"cloud_iam"},
		"apikey":        {key},
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, i.tokenURL, strings.NewReader(form.Encode()))
	if err != nil {
		return "", offboard.Errorf(offboard.Invalid, "", "get an access token: IAM's address cannot be used")
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	request.Header.Set("Accept", "application/json")
	asked := time.Now()
	response, err := i.send(request, "iam-token", "GetToken")
	if err != nil {
		return "", offboard.Errorf(offboard.Unavailable, "", "get an access token: no answer came from IAM%s", because(err))
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, 1<<20))
	if err != nil {
		return "", offboard.Errorf(offboard.Unavailable, "", "get an access token: IAM's answer was cut off")
	}
	if !granted(response) {
		return "", refusedToken(response.StatusCode, response.Header, body, i.recentlyWorked(mark, asked))
	}
	var grant struct {
		AccessToken string `json:"access_token"`
		ExpiresIn   int    `json:"expires_in"`
	}
	if json.Unmarshal(body, &grant) != nil || grant.AccessToken == "" || grant.ExpiresIn <= 0 {
		return "", offboard.Errorf(offboard.Unavailable, "", "get an access token: IAM's answer holds none")
	}
	life := time.Duration(grant.ExpiresIn) * time.Second
	i.mu.Lock()
	defer i.mu.Unlock()
	i.refused = time.Time{}
	i.token = accessToken{value: grant.AccessToken, key: mark, refresh: asked.Add(life * 8 / 10), expires: asked.Add(life - min(lastMoments, life/10))}
	return grant.AccessToken, nil
}

// recentlyWorked tells whether IAM took this key before and refuses it for no longer than the grace.
func (i *identity) recentlyWorked(mark string, now time.Time) bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.token.key != mark {
		return false
	}
	if i.refused.IsZero() {
		i.refused = now
	}
	return now.Sub(i.refused) < grace
}

// send makes one exchange and tells the observer. It expects that the request's turn has come.
func (i *identity) send(request *http.Request, service, operation string) (*http.Response, error) {
	if i.userAgent != "" {
		request.Header.Set("User-Agent", i.userAgent)
	}
	call := Call{Service: service, Operation: operation, Identity: i.name, Method: request.Method}
	began := time.Now()
	response, err := i.base.RoundTrip(request)
	call.Duration = time.Since(began)
	if err == nil {
		call.Status = response.StatusCode
		call.RequestID = requestID(response.Header, "")
		if p := i.paces[service]; p != nil && throttled(response) {
			p.refused(time.Now(), retryAfter(response.Header, time.Now()))
		}
	}
	i.observe(request.Context(), call)
	return response, err
}

// transport sends a service's requests with the identity's token, and once more with a new one if the service refuses
// it: a refused token proves that nothing was done, so that is safe for every request.
type transport struct {
	identity *identity
	service  string
}

// RoundTrip implements http.RoundTripper.
func (t *transport) RoundTrip(request *http.Request) (*http.Response, error) {
	ex := exchangeOf(request.Context())
	ex.began = true
	body, err := drain(request.Body)
	if err != nil {
		return nil, fmt.Errorf("read the request's body: %w", err)
	}
	response, token, err := t.attempt(request, body, ex)
	if err != nil || !tokenRefused(response) {
		t.receipt(request, ex, response)
		return response, err
	}
	t.identity.forget(token)
	if _, err := drain(response.Body); err != nil {
		return nil, fmt.Errorf("read the refusal: %w", err)
	}
	response, _, err = t.attempt(request, body, ex)
	t.receipt(request, ex, response)
	return response, err
}

// receipt says of a changing request what it was answered with. A refusal changed nothing; a failure of the service may
// have changed something all the same.
func (t *transport) receipt(request *http.Request, ex *exchange, response *http.Response) {
	if response == nil || !changes(request.Method, ex.operation) || refusal(response) {
		return
	}
	offboard.NoteReceipt(request.Context(), offboard.Receipt{RequestID: requestID(response.Header, ""), By: t.identity.name})
}

// changes tells whether a request changes something: all do but those that read, two of which are sent as POST.
func changes(method, operation string) bool {
	switch operation {
	case "Search", "BulkListAccountEntityConsumption":
		return false
	}
	return method != http.MethodGet && method != http.MethodHead
}

func (t *transport) attempt(request *http.Request, body []byte, ex *exchange) (*http.Response, string, error) {
	ctx := request.Context()
	// Before the token: one that waited for its turn might have ended by then.
	if p := t.identity.paces[t.service]; p != nil {
		if err := p.turn(ctx, request.Method == http.MethodGet && offboard.IsLooking(ctx)); err != nil {
			if later, ok := errors.AsType[*offboard.Error](err); ok {
				ex.unsent = later
			}
			return nil, "", err
		}
	}
	token, err := t.identity.bearer(ctx)
	if err != nil {
		if refused, ok := errors.AsType[*offboard.Error](err); ok {
			ex.unsent = refused
		}
		return nil, "", err
	}
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{GotConn: func(httptrace.GotConnInfo) { ex.connected = true }})
	sent := request.Clone(ctx)
	if request.Body != nil {
		sent.Body = io.NopCloser(bytes.NewReader(body))
	}
	sent.Header.Set("Authorization", "Bearer "+token)
	response, err := t.identity.send(sent, t.service, ex.operation)
	ex.lost = err
	return response, token, err
}

// drain reads a body to its end and closes it; nil is an empty one.
func drain(body io.ReadCloser) ([]byte, error) {
	if body == nil {
		return nil, nil
	}
	defer body.Close()
	return io.ReadAll(body)
}

func fingerprint(key string) string {
	sum := sha256.Sum256([]byte(key))
	return hex.EncodeToString(sum[:])
}
