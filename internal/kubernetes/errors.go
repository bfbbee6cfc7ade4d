package kubernetes

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"sync/atomic"
	"syscall"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"offboard/internal/offboard"
)

// translate turns what client-go returned into the domain's words. Nothing of a response body gets into the message:
// the API repeats objects in it, and objects hold secrets. This file is the only one that reads a status code.
func translate(ctx context.Context, op string, err error) error {
	if err == nil {
		return nil
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if ours, ok := errors.AsType[*offboard.Error](err); ok {
		return ours
	}
	if busy, ok := errors.AsType[*busy](err); ok {
		failed := answered(op, busy.status, "")
		failed.RetryAfter = busy.after
		return failed
	}
	if status, ok := errors.AsType[*apierrors.StatusError](err); ok {
		failed := answered(op, int(status.ErrStatus.Code), string(status.ErrStatus.Reason))
		if details := status.ErrStatus.Details; details != nil {
			failed.RetryAfter = time.Duration(details.RetryAfterSeconds) * time.Second
		}
		return failed
	}
	if reason, yes := noAnswer(err); yes {
		return offboard.Errorf(offboard.Unreachable, op, "%s", reason)
	}
	return offboard.Errorf(offboard.Unavailable, op, "the answer cannot be read")
}

// answered is the error for a status code and the API's reason for it.
func answered(op string, status int, reason string) *offboard.Error {
	if !oneWord(reason) {
		reason = http.StatusText(status)
	}
	return offboard.Errorf(codeOf(status), op, "the API answered %d %s", status, reason)
}

func codeOf(status int) offboard.Code {
	switch status {
	case http.StatusUnauthorized, http.StatusForbidden:
		return offboard.Denied
	case http.StatusNotFound:
		return offboard.NotFound
	case http.StatusConflict:
		return offboard.Conflict
	case http.StatusTooManyRequests:
		return offboard.RateLimited
	case http.StatusRequestTimeout, http.StatusGone: // 410: a list's next page is too old to be continued
		return offboard.Unavailable
	}
	if status >= 400 && status < 500 {
		return offboard.Invalid
	}
	return offboard.Unavailable
}

// oneWord tells whether a reason is a name such as AlreadyExists and not something a body brought along.
func oneWord(reason string) bool {
	for _, r := range reason {
		if (r < 'A' || r > 'Z') && (r < 'a' || r > 'z') {
			return false
		}
	}
	return reason != "" && len(reason) <= 40
}

// transport keeps client-go from retrying in silence, up to ten times and for as long as a server likes: retries belong
// to whoever called, who can see them. It also notices refused credentials.
type transport struct {
	inner   http.RoundTripper
	refused *atomic.Bool
}

// RoundTrip implements http.RoundTripper.
func (t *transport) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := t.inner.RoundTrip(r)
	if err != nil {
		reason, yes := noAnswer(err)
		if !yes {
			reason = "the connection failed"
		}
		return nil, &offline{reason}
	}
	if resp.StatusCode == http.StatusUnauthorized {
		t.refused.Store(true)
	}
	wait, notGiven := strconv.Atoi(resp.Header.Get("Retry-After"))
	if notGiven != nil || resp.StatusCode < http.StatusInternalServerError && resp.StatusCode != http.StatusTooManyRequests {
		return resp, nil //nolint:nilerr // a missing header is no error: client-go reads the status itself
	}
	resp.Body.Close()
	return nil, &busy{status: resp.StatusCode, after: time.Duration(wait) * time.Second}
}

// WrappedRoundTripper lets client-go find the real transport.
func (t *transport) WrappedRoundTripper() http.RoundTripper { return t.inner }

// offline: no answer came. It hides the cause, by whose type or text client-go would decide to try again.
type offline struct{ reason string }

func (e *offline) Error() string { return e.reason }

// busy: the server asked to wait.
type busy struct {
	status int
	after  time.Duration
}

func (e *busy) Error() string { return fmt.Sprintf("answered %d, wait %s", e.status, e.after) }

// noAnswer tells whether err means that no answer came at all, and why, in words without an address.
func noAnswer(err error) (reason string, yes bool) {
	if known, ok := errors.AsType[*offline](err); ok {
		return known.reason, true
	}
	if timeout, ok := errors.AsType[net.Error](err); ok && timeout.Timeout() || errors.Is(err, context.DeadlineExceeded) {
		return "no answer came in time", true
	}
	if _, ok := errors.AsType[*net.DNSError](err); ok {
		return "the name of its API cannot be resolved", true
	}
	if untrusted(err) {
		return "the certificate of its API is not trusted", true
	}
	if speaksNoTLS(err) {
		return "no TLS connection can be made to its API", true
	}
	switch {
	case errors.Is(err, syscall.ECONNREFUSED):
		return "its API refuses connections", true
	case errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.ENETUNREACH):
		return "there is no route to its API", true
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return "the connection was closed without an answer", true
	}
	if _, ok := errors.AsType[*net.OpError](err); ok {
		return "the connection failed", true
	}
	return "", false
}

func untrusted(err error) bool {
	_, verification := errors.AsType[*tls.CertificateVerificationError](err)
	_, authority := errors.AsType[x509.UnknownAuthorityError](err)
	_, host := errors.AsType[x509.HostnameError](err)
	return verification || authority || host
}

func speaksNoTLS(err error) bool {
	_, record := errors.AsType[tls.RecordHeaderError](err)
	_, alert := errors.AsType[tls.AlertError](err)
	return record || alert
}
