package notify

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestAMailServersUsualPort(t *testing.T) {
	for way, want := range map[TLS]int{"": 587, TLSStartTLS: 587, TLSImplicit: 465, TLSNone: 25} {
		assert.Equal(t, want, Email{TLS: way}.port(), way)
		assert.Equal(t, 2525, Email{TLS: way, Port: 2525}.port(), way)
	}
}
