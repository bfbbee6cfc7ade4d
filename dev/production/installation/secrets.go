//go:build unix

package installation

import (
	"bytes"
	"encoding/hex"
	"net"
	"os/exec"
	"regexp"
	"strings"
	"sync"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"offboard/dev/internal/postgres"
)

// log takes what all processes write.
type log struct {
	mu   sync.Mutex
	text bytes.Buffer
}

// Write implements io.Writer.
func (l *log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

// String is everything so far.
func (l *log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// canary finds secrets: every key of the simulated accounts and of the sandbox carries the mark, in base64 too; tokens are
// known by their form.
var canary = regexp.MustCompile(`CANARY-|Q0FOQVJZ|whsec_|eyJ[A-Za-z0-9_-]{10,}\.|(?i)bearer [a-z0-9]`)

// binary is how a dump writes bytes.
var binary = regexp.MustCompile(`\\\\x([0-9a-f]{2,})`)

// KeepsSecrets dumps both databases and finds neither a secret nor a person in them, in texts as well as in bytes; it
// finds no secret in what the processes said, and neither in traces. The run is one that the databases know.
func (i *Installation) KeepsSecrets(run string) {
	i.t.Helper()
	assert.Empty(i.t, canary.FindString(i.Log()), "a secret in the output of the programs")
	for _, s := range i.Traces.All() {
		assert.NotRegexp(i.t, canary, s.Text, s.Name)
		assert.NotContains(i.t, s.Text, "@acme", s.Name)
	}
	all := 0
	mentioned, decoded := false, false
	for _, database := range []string{"temporal", "temporal_visibility"} {
		text := i.dump(database)
		all += len(text)
		mentioned = mentioned || strings.Contains(text, run)
		decoded = decoded || strings.Contains(text, "binary/encrypted")
		for _, at := range canary.FindAllStringIndex(text, 5) {
			assert.Failf(i.t, "a secret is in the database", "%s: …%q…", database, text[max(at[0]-80, 0):min(at[1]+20, len(text))])
		}
		for _, person := range []string{Leaver, Approver, Requester} {
			assert.False(i.t, strings.Contains(text, person), "%s is in %s", person, database) // the text is too long to be shown
		}
	}
	assert.True(i.t, mentioned, "the search reaches what Temporal keeps of the run")
	assert.True(i.t, decoded, "it reaches the payloads, which are stored as bytes")
	i.t.Logf("%d bytes of both databases were searched", all)
}

// dump is a whole database as text, bytes as what they are.
func (i *Installation) dump(database string) string {
	i.t.Helper()
	host, port, err := net.SplitHostPort(i.database.Address())
	require.NoError(i.t, err)
	dump, err := exec.CommandContext(i.t.Context(), "pg_dump", "-h", host, "-p", port, "-U", postgres.User, database).Output()
	require.NoError(i.t, err)
	return binary.ReplaceAllStringFunc(string(dump), func(found string) string {
		raw, err := hex.DecodeString(found[len(`\\x`):])
		require.NoError(i.t, err)
		return string(raw)
	})
}
