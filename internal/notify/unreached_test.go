package notify

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"

	"offboard/internal/offboard"
)

// What no test may bring about on a machine without a network, or only by chance.
func TestWhyNoAnswerCame(t *testing.T) {
	for name, c := range map[string]struct {
		err  error
		want string
		code offboard.Code
	}{
		"no such host":      {&net.DNSError{Name: "canary", IsNotFound: true}, "its host name is not known", offboard.Unavailable},
		"no name server":    {&net.DNSError{Name: "canary", Server: "canary"}, "its host name could not be looked up", offboard.Unavailable},
		"slow name server":  {&net.DNSError{Name: "canary", IsTimeout: true}, "no answer came in time", offboard.Unavailable},
		"slow":              {os.ErrDeadlineExceeded, "no answer came in time", offboard.Unavailable},
		"no route":          {os.NewSyscallError("connect", syscall.EHOSTUNREACH), "there is no way to its network", offboard.Unavailable},
		"no network":        {os.NewSyscallError("connect", syscall.ENETUNREACH), "there is no way to its network", offboard.Unavailable},
		"reset":             {os.NewSyscallError("read", syscall.ECONNRESET), "the connection was cut before an answer", offboard.Unavailable},
		"end":               {io.ErrUnexpectedEOF, "the connection was cut before an answer", offboard.Unavailable},
		"certificate asked": {tls.AlertError(116), "it refused the TLS connection", offboard.Denied},
		"anything else":     {errors.New("canary"), "the connection failed", offboard.Unavailable},
	} {
		t.Run(name, func(t *testing.T) {
			wrapped := &url.Error{Op: "Post", URL: "https://canary", Err: fmt.Errorf("canary: %w", c.err)}
			got := unreached(t.Context(), wrapped)
			assert.Equal(t, c.want, got.Message)
			assert.Equal(t, c.code, got.Code)
		})
	}
}
