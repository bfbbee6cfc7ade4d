package notify

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"sync"
	"time"

	"offboard/internal/offboard"
)

// CheckURL tells whether a text can be the URL of a webhook: https, or http to this machine. The error does not show the
// text, which may hold a credential.
func CheckURL(text string) error {
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Hostname() == "" || (u.Scheme != "https" && u.Scheme != "http"):
		return errors.New("is not a URL like https://host/path")
	case u.Scheme == "http" && !local(u.Hostname()):
		return errors.New("must begin with https:// because notices name people")
	}
	return nil
}

func local(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || (ip != nil && ip.IsLoopback())
}

// newClient makes the client of all webhooks. It follows no redirect: what is signed for one place is not for another.
func newClient(roots *x509.CertPool) *http.Client {
	transport := &http.Transport{
		Proxy:                 http.ProxyFromEnvironment,
		DialContext:           (&net.Dialer{Timeout: 5 * time.Second}).DialContext,
		TLSClientConfig:       &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12},
		ForceAttemptHTTP2:     true,
		MaxIdleConnsPerHost:   2,
		IdleConnTimeout:       30 * time.Second, // notices come seldom
		ExpectContinueTimeout: time.Second,
	}
	return &http.Client{
		Transport:     transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// poster posts to a URL that may be a secret.
type poster struct {
	client *http.Client
	agent  string

	mu   sync.Mutex
	gone [sha256.Size]byte // hash of the URL that answered 410
}

// to posts a body once. Neither the URL nor anything the receiver wrote comes into the error.
func (p *poster) to(ctx context.Context, address Secret, header http.Header, body []byte) *offboard.Error {
	text, err := address.Read(ctx)
	if err != nil {
		return offboard.Errorf(offboard.Unavailable, "", "%v", err)
	}
	if err := CheckURL(text); err != nil {
		return offboard.Errorf(offboard.Invalid, "", "its URL %v", err)
	}
	hash := sha256.Sum256([]byte(text))
	if p.isGone(hash) {
		return goneForGood()
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, text, bytes.NewReader(body))
	if err != nil {
		return offboard.Errorf(offboard.Invalid, "", "the request could not be made of its URL")
	}
	request.Header = header
	if p.agent != "" {
		request.Header.Set("User-Agent", p.agent)
	}
	response, err := p.client.Do(request)
	if err != nil {
		return unreached(ctx, err)
	}
	defer response.Body.Close()
	// Read so that the connection can be used again; nobody looks at it.
	_, _ = io.CopyN(io.Discard, response.Body, 4096)
	if response.StatusCode == http.StatusGone {
		p.setGone(hash)
		return goneForGood()
	}
	return answered(response)
}

func (p *poster) isGone(hash [sha256.Size]byte) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.gone == hash
}

func (p *poster) setGone(hash [sha256.Size]byte) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.gone = hash
}

// goneForGood is what a receiver means by 410: nothing is sent to it any more.
func goneForGood() *offboard.Error {
	return offboard.Errorf(offboard.NotFound, "", "the receiver is gone for good (410): nothing more is sent there until its URL is changed or the worker is restarted")
}

// longestQuiet caps what a Retry-After may ask for: a notice that comes much later helps nobody.
const longestQuiet = 5 * time.Minute

// answered translates a status; nil for every success.
func answered(response *http.Response) *offboard.Error {
	status := response.StatusCode
	if status >= 200 && status < 300 {
		return nil
	}
	message := fmt.Sprintf("the receiver answered %d %s", status, http.StatusText(status))
	e := offboard.Errorf(offboard.Invalid, "", "%s", message)
	switch {
	case status == http.StatusTooManyRequests:
		e.Code = offboard.RateLimited
	case status >= 500, status == http.StatusRequestTimeout, status == http.StatusTooEarly:
		e.Code = offboard.Unavailable
	case status == http.StatusUnauthorized, status == http.StatusForbidden:
		e.Code = offboard.Denied
	case status == http.StatusNotFound:
		e.Code = offboard.NotFound
	case status >= 300 && status < 400:
		e.Message += ": redirects are not followed"
	}
	if e.Code.Retryable() {
		e.RetryAfter = retryAfter(response.Header, time.Now())
	}
	return e
}

// retryAfter reads seconds or a date.
func retryAfter(header http.Header, now time.Time) time.Duration {
	text := header.Get("Retry-After")
	if seconds, err := strconv.Atoi(text); err == nil {
		return min(max(time.Duration(seconds), 0), longestQuiet/time.Second) * time.Second
	}
	if at, err := http.ParseTime(text); err == nil {
		return min(max(at.Sub(now), 0), longestQuiet)
	}
	return 0
}
