package notify

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"syscall"

	"offboard/internal/offboard"
)

// unreached says in our own words why no answer came. The errors of the standard library show the URL, the host, or what
// the other side sent, and any of these may be a secret: the host too, with services that give each customer one.
func unreached(ctx context.Context, err error) *offboard.Error {
	if e := untrusted(err); e != nil {
		return e
	}
	why := "the connection failed"
	dns, isDNS := errors.AsType[*net.DNSError](err)
	network, isNetwork := errors.AsType[net.Error](err)
	switch {
	case ctx.Err() != nil, errors.Is(err, os.ErrDeadlineExceeded), isDNS && dns.IsTimeout, isNetwork && network.Timeout():
		why = "no answer came in time"
	case isDNS && dns.IsNotFound:
		why = "its host name is not known"
	case isDNS:
		why = "its host name could not be looked up"
	case errors.Is(err, syscall.ECONNREFUSED):
		why = "the connection was refused"
	case errors.Is(err, syscall.ENETUNREACH), errors.Is(err, syscall.EHOSTUNREACH):
		why = "there is no way to its network"
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		why = "the connection was cut before an answer"
	}
	return offboard.Errorf(offboard.Unavailable, "", "%s", why)
}

// untrusted finds the reasons why no encrypted connection comes about, which do not pass by themselves.
func untrusted(err error) *offboard.Error {
	_, unknown := errors.AsType[x509.UnknownAuthorityError](err)
	_, other := errors.AsType[x509.HostnameError](err)
	_, invalid := errors.AsType[x509.CertificateInvalidError](err)
	_, notTLS := errors.AsType[tls.RecordHeaderError](err)
	_, alert := errors.AsType[tls.AlertError](err)
	switch {
	case unknown:
		return offboard.Errorf(offboard.Denied, "", "its certificate is from an authority that is not trusted here")
	case other:
		return offboard.Errorf(offboard.Denied, "", "its certificate is for another host")
	case invalid:
		return offboard.Errorf(offboard.Denied, "", "its certificate is not valid, maybe expired")
	case notTLS, errors.Is(err, http.ErrSchemeMismatch):
		return offboard.Errorf(offboard.Denied, "", "it does not speak TLS on this port")
	case alert:
		return offboard.Errorf(offboard.Denied, "", "it refused the TLS connection")
	}
	return nil
}
